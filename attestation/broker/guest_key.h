// The key a guest sends, to which its resources are encrypted.
#pragma once

#include <string>

#include "base/json.h"
#include "base/status.h"
#include "crypto/jwe.h"
#include "crypto/key.h"

namespace nacre::attestation {

struct GuestKey {
  crypto::PublicKey key;
  crypto::JweAlgorithm algorithm;
};

// A JWK on P-256, P-384 or P-521 with "alg" ECDH-ES or ECDH-ES+A128KW, +A192KW, +A256KW, or of RSA
// with RSA-OAEP or RSA-OAEP-256, or RSA1_5 where that is allowed ([policy] allow_rsa1_5).
// kInvalidArgument for anything else.
absl::StatusOr<GuestKey> GuestKeyFrom(const Json& jwk, bool allow_rsa1_5);

}  // namespace nacre::attestation
