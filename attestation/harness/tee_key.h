// The key a guest makes for one handshake, to which the broker encrypts.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/secret_bytes.h"
#include "base/status.h"
#include "crypto/key.h"

namespace nacre::attestation::harness {

struct TeeKey {
  crypto::PrivateKey key;
  Json jwk;  // public, with "alg"
};

// "P-256", "P-384", "P-521": ECDH-ES+A256KW; "RSA-2048", "RSA-3072", "RSA-4096": RSA-OAEP-256.
// kInvalidArgument for another name.
absl::StatusOr<TeeKey> MakeTeeKey(std::string_view name);

// What a broker's resource answer holds.
absl::StatusOr<SecretBytes> OpenResource(std::string_view jwe, const TeeKey& key);

}  // namespace nacre::attestation::harness
