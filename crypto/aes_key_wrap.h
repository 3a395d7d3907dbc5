// AES key wrap (RFC 3394): a key encrypted under a key, with an integrity check.
#pragma once

#include "base/bytes.h"
#include "base/secret_bytes.h"

namespace nacre::crypto {

// `wrapping_key` 16, 24 or 32 bytes; `key` a multiple of 8 bytes, 16 to 128. The result is 8 bytes
// longer than `key`. kInvalidArgument for other sizes.
absl::StatusOr<Bytes> AesKeyWrap(ByteView wrapping_key, ByteView key);

// kInvalidArgument for impossible sizes, kUnauthenticated when the integrity check fails.
absl::StatusOr<SecretBytes> AesKeyUnwrap(ByteView wrapping_key, ByteView wrapped);

}  // namespace nacre::crypto
