// What the programs that serve a broker's configuration have in common: nacre-kbs and nacre-as.
#pragma once

#include <functional>

#include "attestation/broker/answer.h"
#include "attestation/broker/config.h"
#include "net/http_server.h"

namespace nacre::attestation {

// Every key of [server] and [tls], with certificate and key read from their files. Requests that
// are refused before they are read whole get the protocol's error body too.
absl::StatusOr<net::HttpServerOptions> ServerOptionsOf(const BrokerConfig& config);

// One line of the access log for each request: who asked for what, the answer's status, its
// correlation id, reason and time in microseconds; no bodies, no headers.
net::HttpServer::Handler LogRequests(std::function<Answer(const net::HttpServerRequest&)> handle);

}  // namespace nacre::attestation
