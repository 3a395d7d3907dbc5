// JSON web keys (RFC 7517, RFC 7518, RFC 8037) as Rego values, to and from keys that can verify and
// sign.
#pragma once

#include <vector>

#include "policy/rego/builtins/common.h"
#include "policy/rego/builtins/signature.h"

namespace nacre::rego {

struct Jwk {
  SignatureKey key;
  std::string_view algorithm;  // "alg", empty when not given
  std::string_view id;         // "kid"
};

// One key or {"keys": [...]}; with the private part when it is there. kInvalidArgument says what is
// missing or wrong.
absl::StatusOr<std::vector<Jwk>> JwksFromValue(const Value& value);

// The JWK of a private RSA, EC or Ed25519 key.
absl::StatusOr<Value> JwkFromPrivateKey(BuiltinContext& context, EVP_PKEY* key);

}  // namespace nacre::rego
