// Tokens taken apart and put together: JWTs, genuine and otherwise.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/status.h"
#include "crypto/key.h"

namespace nacre::attestation::harness {

struct TokenParts {
  Json header;
  Json claims;
  Bytes signature;
};
// kInvalidArgument when it is no compact JWS over a JSON object.
absl::StatusOr<TokenParts> TakeApart(std::string_view token);
// Whatever the parts say.
std::string PutTogether(const TokenParts& parts);
// Signed with ES256 by `key`.
absl::StatusOr<std::string> SignParts(TokenParts parts, const crypto::PrivateKey& key);

// The key of a set that a token's header names, verified: the claims. ES256 and ES384.
absl::StatusOr<Json> VerifyWithJwks(std::string_view token, const Json& jwks);

}  // namespace nacre::attestation::harness
