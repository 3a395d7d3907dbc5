// The attestation service over HTTP, as Confidential Containers' has it.
//
//   POST  /attestation  {"verification_requests": [{"tee", "evidence": base64url of JSON,
//                         "runtime_data": {"raw": base64url} | {"structured": {...}},
//                         "runtime_data_hash_algorithm"?, "init_data"?: {"init_data_digest"} |
//                         {"init_data_toml"}}...], "policy_ids": [...]?} -> the token as text
//   POST  /challenge    -> a nonce as text
//   GET   /policy       the names of the attestation policies that were set, a JSON array
//   POST  /policy       {"policy_id", "policy": base64url}; needs an admin's credentials
//   GET   /healthz, /readyz, /metrics, /.well-known/jwks.json
#pragma once

#include "attestation/broker/broker.h"
#include "attestation/broker/context.h"

namespace nacre::attestation {

// Thread-safe.
class RestService {
 public:
  // `broker` answers what is common to both programs; it owns `context`.
  // `limiter` counts evaluations by address; whoever evaluates beside this one shares it.
  RestService(Broker* broker, BrokerContext* context, RateLimiter* limiter)
      : broker_(broker), context_(context), limiter_(limiter) {}

  Answer Handle(const net::HttpServerRequest& request);

 private:
  Answer Route(const Call& call);
  Answer Attest(const Call& call);
  Answer Policies(const Call& call);

  Broker* broker_;
  BrokerContext* context_;
  RateLimiter* limiter_;
};

}  // namespace nacre::attestation
