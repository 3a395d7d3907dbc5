// The key a guest sends, to which its resources are encrypted.
#pragma once

#include <string>
#include <variant>

#include "base/json.h"
#include "base/status.h"
#include "crypto/jwe.h"
#include "crypto/key.h"
#include "crypto/ml_kem.h"

namespace nacre::attestation {

struct GuestKeyRules;

struct GuestKey {
  std::variant<crypto::PublicKey, crypto::MlKemPublicKey> key;
  crypto::JweAlgorithm algorithm;
};

// A JWK on P-256, P-384 or P-521 with "alg" ECDH-ES or ECDH-ES+A128KW, +A192KW, +A256KW, or of RSA
// with RSA-OAEP or RSA-OAEP-256; where the rules allow it of RSA with RSA1_5, or an AKP with
// ML-KEM-768+A192KW. kInvalidArgument for anything else.
absl::StatusOr<GuestKey> GuestKeyFrom(const Json& jwk, const GuestKeyRules& rules);

// The JWE that only the holder of the private key opens.
absl::StatusOr<std::string> EncryptFor(const GuestKey& guest, ByteView contents);

}  // namespace nacre::attestation
