// The key broker behind its HTTP server: routes a request to the endpoint that answers it. Holds no
// state of a guest between requests but what is in the store, so several may run over one store's
// keys. Thread-safe.
//
//   POST   /kbs/v0/auth                            handshake.h
//   POST   /kbs/v0/attest                          handshake.h
//   GET    /kbs/v0/resource/<r>/<t>/<tag>          resource_endpoint.h
//   POST   /kbs/v0/denials                         denial_endpoint.h
//   POST, DELETE of the same; /kbs/v0/admin/...; /kbs/v0/reference-value...;
//   /kbs/v0/{attestation,resource}-policy...       admin_endpoint.h
//   GET    /healthz, /readyz, /metrics, /.well-known/jwks.json
//
// What is refused: 400 no such message, 401 not attested, 403 a policy or a role says no, 404 no
// such thing, 405 another method, 413 too large, 429 too often; with the protocol's error body
// each.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "attestation/broker/answer.h"
#include "attestation/broker/config.h"
#include "attestation/broker/context.h"
#include "attestation/broker/rate_limiter.h"
#include "net/http_server.h"

namespace nacre::attestation {

class Broker {
 public:
  explicit Broker(std::unique_ptr<BrokerContext> context);

  // Never fails: what goes wrong is an answer too. `done` is called once, maybe later and by
  // another thread; the request stays until then.
  void HandleLater(const net::HttpServerRequest& request, std::function<void(Answer)> done);
  // The same, waiting for the answer.
  Answer Handle(const net::HttpServerRequest& request);
  // The same for requests whose answer takes less time than handing them to another thread, and
  // waits for neither disk nor network: nonces and, with a store of its own, resources. nullopt for
  // all others; nothing was done then.
  std::optional<Answer> HandleAtOnce(const net::HttpServerRequest& request);

 private:
  struct Begun;
  Begun Begin(const net::HttpServerRequest& request, bool at_once) const;
  // What all answers have; then `begun` is over.
  Answer Finish(const Begun& begun, Answer answer);
  Answer Route(const Call& call);
  bool IsAttest(const net::HttpServerRequest& request) const;
  std::optional<Answer> Housekeeping(const Call& call);
  Answer Ready(const Call& call);
  Answer Jwks(const Call& call);

  std::unique_ptr<BrokerContext> context_;
  RateLimiter limiter_;         // of attestations, by address
  RateLimiter denial_limiter_;  // of reports, by guest
};

}  // namespace nacre::attestation
