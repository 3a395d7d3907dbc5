// The key a guest makes for one handshake, to which the broker encrypts.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "base/json.h"
#include "base/secret_bytes.h"
#include "base/status.h"
#include "crypto/key.h"
#include "crypto/ml_kem.h"

namespace nacre::attestation::harness {

struct TeeKey {
  std::variant<crypto::PrivateKey, crypto::MlKemPrivateKey> key;
  Json jwk;  // public, with "alg"
};

// A key that can sign: all but those of ML-KEM.
inline const crypto::PrivateKey& SigningKey(const TeeKey& key) {
  return std::get<crypto::PrivateKey>(key.key);
}

// "P-256", "P-384", "P-521": ECDH-ES+A256KW; "RSA-2048", "RSA-3072", "RSA-4096": RSA-OAEP-256;
// "ML-KEM-768": ML-KEM-768+A192KW, which brokers need not know.
// kInvalidArgument for another name.
absl::StatusOr<TeeKey> MakeTeeKey(std::string_view name);

// What a broker's resource answer holds.
absl::StatusOr<SecretBytes> OpenResource(std::string_view jwe, const TeeKey& key);

}  // namespace nacre::attestation::harness
