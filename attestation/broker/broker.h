// The key broker behind its HTTP server: routes a request to the endpoint that answers it. Holds no
// state of a guest between requests but what is in the store, so several may run over one store's
// keys. Thread-safe.
//
//   POST   /kbs/v0/auth                            handshake.h
//   POST   /kbs/v0/attest                          handshake.h
//   GET    /kbs/v0/resource/<r>/<t>/<tag>          resource_endpoint.h
//   POST, DELETE of the same; /kbs/v0/admin/...; /kbs/v0/reference-value...   admin_endpoint.h
//   GET    /healthz, /.well-known/jwks.json
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "attestation/broker/answer.h"
#include "attestation/broker/config.h"
#include "attestation/broker/context.h"
#include "attestation/broker/rate_limiter.h"
#include "net/http_server.h"

namespace nacre::attestation {

class Broker {
 public:
  explicit Broker(std::unique_ptr<BrokerContext> context);

  // Never fails: what goes wrong is an answer too.
  Answer Handle(const net::HttpServerRequest& request);

 private:
  Answer Route(const Call& call);
  Answer Jwks(const Call& call);

  std::unique_ptr<BrokerContext> context_;
  RateLimiter limiter_;
};

}  // namespace nacre::attestation
