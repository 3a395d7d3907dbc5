// What the programs that serve a broker's configuration have in common: nacre-kbs and nacre-as.
#pragma once

#include <signal.h>

#include <functional>
#include <optional>

#include "attestation/broker/answer.h"
#include "attestation/broker/config.h"
#include "net/http_server.h"

namespace nacre::attestation {

// Every key of [server] and [tls], with certificate and key read from their files. Requests that
// are refused before they are read whole get the protocol's error body too.
absl::StatusOr<net::HttpServerOptions> ServerOptionsOf(const BrokerConfig& config);

// SIGTERM, SIGINT and SIGHUP, blocked before any thread starts, so that only WaitForStop takes
// them.
sigset_t BlockStopSignals();

// Runs `reload` at each SIGHUP and logs how it went; the others end the wait. Returns which one.
int WaitForStop(const sigset_t& signals, const std::function<absl::Status()>& reload);

// Certificate and key anew from their files; when they are no good, those before stay.
absl::Status ReloadCertificate(const BrokerConfig& config, net::HttpServer& server);

// One line of the access log for each request: who asked for what, the answer's status, its
// correlation id, reason and time in microseconds; no bodies, no headers.
net::HttpServer::Handler LogRequests(std::function<Answer(const net::HttpServerRequest&)> handle);
// The same for answers that come later.
net::HttpServer::LateHandler LogLateRequests(
    std::function<void(const net::HttpServerRequest&, std::function<void(Answer)>)> handle);
// The same for what is answered at once, which is less than all.
net::HttpServer::FirstTry LogRequestsAtOnce(
    std::function<std::optional<Answer>(const net::HttpServerRequest&)> handle);

}  // namespace nacre::attestation
