// AES in cipher feedback mode with 128-bit segments (NIST SP 800-38A section 6.3), as TPMs encrypt
// credentials (TPM 2.0 part 1, section 24). Secrecy only.
#pragma once

#include "base/bytes.h"
#include "base/secret_bytes.h"

namespace nacre::crypto {

// `key` of 16, 24 or 32 bytes, `iv` of 16; kInvalidArgument otherwise. The result is as long as the
// input.
absl::StatusOr<Bytes> AesCfbEncrypt(ByteView key, ByteView iv, ByteView plaintext);
absl::StatusOr<SecretBytes> AesCfbDecrypt(ByteView key, ByteView iv, ByteView ciphertext);

}  // namespace nacre::crypto
