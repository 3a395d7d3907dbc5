// AES-GCM (NIST SP 800-38D) in one call, for messages that fit in memory.
#pragma once

#include "base/bytes.h"
#include "base/secret_bytes.h"

namespace nacre::crypto {

inline constexpr size_t kAes128KeySize = 16;
inline constexpr size_t kAes192KeySize = 24;
inline constexpr size_t kAes256KeySize = 32;
inline constexpr size_t kGcmIvSize = 12;
inline constexpr size_t kGcmTagSize = 16;

// The ciphertext followed by the 16-byte tag. A (key, iv) pair must never be used for two messages.
// kInvalidArgument for a key that is not 32 bytes or an iv that is not 12.
absl::StatusOr<Bytes> Aes256GcmSeal(ByteView key, ByteView iv, ByteView aad, ByteView plaintext);

// The plaintext; kUnauthenticated when key, iv, aad, ciphertext or tag is not what was sealed (one
// answer for all: nothing tells which). No plaintext leaves before the tag has been checked.
absl::StatusOr<SecretBytes> Aes256GcmOpen(ByteView key, ByteView iv, ByteView aad,
                                          ByteView ciphertext_and_tag);

// The same with a key of 16, 24 or 32 bytes, for formats that others have laid down.
absl::StatusOr<Bytes> AesGcmSeal(ByteView key, ByteView iv, ByteView aad, ByteView plaintext);
absl::StatusOr<SecretBytes> AesGcmOpen(ByteView key, ByteView iv, ByteView aad,
                                       ByteView ciphertext_and_tag);

}  // namespace nacre::crypto
