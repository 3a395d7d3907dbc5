// ML-KEM-768 (FIPS 203): a key encapsulation that a quantum computer is not known to break.
//
// Ours, on OpenSSL's SHA-3: no library of Debian 12 has the scheme (OpenSSL has it from 3.5 on,
// libgcrypt from 1.11). When one does, it takes the place of ml_kem*.cc behind this header.
#pragma once

#include "base/bytes.h"
#include "base/secret_bytes.h"
#include "base/status.h"

namespace nacre::crypto {

inline constexpr size_t kMlKemPublicKeySize = 1184;   // "encapsulation key": t (12 bits), rho
inline constexpr size_t kMlKemCiphertextSize = 1088;  // u (10 bits), v (4 bits)
inline constexpr size_t kMlKemSharedSecretSize = 32;
inline constexpr size_t kMlKemSeedSize = 64;  // d and z of FIPS 203, 32 bytes each
inline constexpr size_t kMlKemMessageSize = 32;

struct MlKemEncapsulation {
  Bytes ciphertext;
  SecretBytes shared_secret;
};

class MlKemPublicKey {
 public:
  // The encoded encapsulation key. kInvalidArgument for another length or a coefficient of 3329 or
  // above (the checks of section 7.2).
  static absl::StatusOr<MlKemPublicKey> FromBytes(ByteView encoded);
  ByteView bytes() const { return encoded_; }

  // A new secret and what tells it to the key's owner.
  MlKemEncapsulation Encapsulate() const;
  // The same with a message of the caller's, kMlKemMessageSize bytes: for test vectors.
  MlKemEncapsulation EncapsulateDeterministically(ByteView message) const;

 private:
  friend class MlKemPrivateKey;
  explicit MlKemPublicKey(Bytes encoded) : encoded_(std::move(encoded)) {}
  Bytes encoded_;
};

// Moves, never copies.
class MlKemPrivateKey {
 public:
  static MlKemPrivateKey Generate();
  // kInvalidArgument when `seed` is not kMlKemSeedSize bytes.
  static absl::StatusOr<MlKemPrivateKey> FromSeed(ByteView seed);

  const MlKemPublicKey& public_key() const { return public_key_; }
  // The decapsulation key as section 7.1 encodes it, 2,400 bytes.
  SecretBytes Expanded() const;

  // kInvalidArgument for another length than kMlKemCiphertextSize. A ciphertext that is not this
  // key's gives a secret that nobody knows, and no error (implicit rejection).
  absl::StatusOr<SecretBytes> Decapsulate(ByteView ciphertext) const;

 private:
  MlKemPrivateKey(SecretBytes s, SecretBytes z, MlKemPublicKey public_key)
      : s_(std::move(s)), z_(std::move(z)), public_key_(std::move(public_key)) {}
  SecretBytes s_;  // the secret vector, transformed, 12 bits a coefficient
  SecretBytes z_;  // what rejected ciphertexts are hashed with
  MlKemPublicKey public_key_;
};

}  // namespace nacre::crypto
