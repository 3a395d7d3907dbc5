// Messages for the holders of certificates: PKCS#7 EnvelopedData (RFC 5652 section 6) as image
// encryption tools write and read it. A fresh key encrypts the content with AES-GCM, the tag behind
// the ciphertext, and is itself encrypted for each recipient's RSA key (RSAES-PKCS1-v1_5).
//
// That is not how RFC 5084 would have it (AuthEnvelopedData, the tag a field of its own), and the
// tools' parameters of AES-GCM stand in a form of their own that no CMS library reads. Hence this
// reader and writer; both forms of the parameters are read, in strict DER. AES-CBC, which the
// structure also allows, is refused: nothing authenticates it, and whoever may try changed messages
// learns the content from the errors.
#pragma once

#include <span>

#include "base/bytes.h"
#include "base/secret_bytes.h"
#include "crypto/key.h"
#include "crypto/x509.h"

namespace nacre::crypto {

inline constexpr size_t kMaxPkcs7Size = 1 << 20;
inline constexpr size_t kMaxPkcs7Recipients = 64;

// DER of a ContentInfo: AES-128-GCM, as those tools have it. kInvalidArgument without recipients or
// when one has no RSA key.
absl::StatusOr<Bytes> Pkcs7Seal(std::span<const Certificate> recipients, ByteView plaintext);

// The plaintext for `key`, whichever recipient it is: no certificate is needed. kInvalidArgument
// for text that is no such message, kUnimplemented naming another content encryption,
// kUnauthenticated when it is not for this key or was changed (one answer for all).
absl::StatusOr<SecretBytes> Pkcs7Open(ByteView der, const PrivateKey& key);

}  // namespace nacre::crypto
