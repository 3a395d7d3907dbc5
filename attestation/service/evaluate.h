// The attestation service alone: verifies evidence for others who keep their own secrets, and says
// what it is worth in a signed token. REST (rest.h) and gRPC (grpc_service.h) are two ways to ask.
//
// Unlike a guest's, the caller's is the party that relies on the answer, so a refusal says why.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "attestation/broker/context.h"
#include "base/json.h"
#include "base/status.h"

namespace nacre::attestation {

// One piece of evidence. What it must be bound to is not optional here: evidence that is bound to
// nothing can be anyone's, and of any time.
struct VerificationRequest {
  std::string tee;
  std::string evidence;  // base64url of JSON, see attestation/protocol/evidence.h
  // One of these: bytes the report data must begin with (the rest zeros), as base64url; or JSON
  // whose RFC 8785 form is hashed.
  std::optional<std::string> raw_runtime_data;
  std::optional<Json> structured_runtime_data;
  std::string hash_algorithm = {};  // "sha256", "sha384" (also ""), "sha512"
  // At most one of these: the digest as base64url, or the document.
  std::optional<std::string> init_data_digest;
  std::optional<std::string> init_data_toml;
};

inline constexpr size_t kMaxVerificationRequests = 5;

// The token: an EAR with one submodule for each request. `policy_ids` is empty or names one policy;
// "p" means the attestation policy "p_cpu". Whatever is genuine gets a token with its status.
// kInvalidArgument for a request that cannot be read, kUnauthenticated for evidence that is not
// genuine (the message says why), kNotFound for a policy that is not there.
absl::StatusOr<std::string> Evaluate(BrokerContext& context, const RequestOrigin& origin,
                                     const std::vector<VerificationRequest>& requests,
                                     const std::vector<std::string>& policy_ids);

// A nonce: base64 of 32 random bytes.
std::string NewChallenge();

}  // namespace nacre::attestation
