// What public_key.cc and private_key.cc share. For the sources of this room only.
#pragma once

#include "crypto/key.h"
#include "crypto/openssl_util.h"

namespace nacre::crypto {

inline constexpr size_t kMaxEncodedKey = 64 << 10;  // PEM or DER
inline constexpr int kMaxExponentBits = 64;         // bounds the cost of verifying

const char* OpensslCurveName(Curve curve);
absl::StatusOr<Curve> CurveOf(const EVP_PKEY* key);

// One number of the key by its OpenSSL name.
absl::StatusOr<BnPtr> KeyNumber(const EVP_PKEY* key, const char* parameter);

// That these are the modulus and exponent of a key that key.h accepts.
absl::Status CheckRsaNumbers(const BIGNUM* modulus, const BIGNUM* exponent);
// That the public part is one key.h accepts.
absl::Status CheckKey(EVP_PKEY* key);
// kFailedPrecondition "key: not <name>" unless the key's base id is `base_id`.
absl::Status CheckKind(const EVP_PKEY* key, int base_id, std::string_view name);

// The padding of a signature, as key.h describes them. An EC key takes kNone.
enum class Padding { kNone, kPkcs1, kPss, kPssAnySalt };

// RSA paddings as key.h describes them; false with an OpenSSL error.
bool SetPadding(EVP_PKEY_CTX* context, const EVP_MD* hash, Padding padding);
bool SetOaep(EVP_PKEY_CTX* context, const char* hash_name, ByteView label);

// A pass phrase callback that never asks a terminal.
int NoPassPhrase(char*, int, int, void*);

}  // namespace nacre::crypto
