// The content of a JWE and its "enc" (RFC 7518 section 5): AES-GCM, or AES-CBC with HMAC-SHA-2. For
// the sources of this room.
#pragma once

#include "base/bytes.h"
#include "base/secret_bytes.h"
#include "crypto/jwe.h"

namespace nacre::crypto {

struct JweContent {
  ByteView iv;
  ByteView aad;
  ByteView ciphertext;
  ByteView tag;
};

size_t JweContentKeySize(JweEncryption encryption);  // in bytes

// kInvalidArgument unless iv and tag have the sizes this encryption gives them.
absl::Status CheckJweContent(JweEncryption encryption, ByteView iv, ByteView tag);

// kUnauthenticated for whatever is wrong with key or content of the right sizes.
absl::StatusOr<SecretBytes> OpenJweContent(JweEncryption encryption, ByteView key,
                                           const JweContent& content);

}  // namespace nacre::crypto
