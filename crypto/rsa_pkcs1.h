// RSAES-PKCS1-v1_5 (RFC 8017 section 7.2), encryption only: "RSA1_5" of RFC 7518, which old guests
// of Confidential Containers ask for. Its decryption is what gives plaintexts away to whoever may
// ask often enough (Bleichenbacher), so there is none here; crypto/pkcs7.cc, whose format knows no
// other, has one that never fails.
#pragma once

#include "base/bytes.h"
#include "base/status.h"
#include "crypto/key.h"

namespace nacre::crypto {

// kInvalidArgument for another key than RSA, or a plaintext longer than the modulus less 11 bytes.
absl::StatusOr<Bytes> EncryptRsaPkcs1(const PublicKey& recipient, ByteView plaintext);

}  // namespace nacre::crypto
