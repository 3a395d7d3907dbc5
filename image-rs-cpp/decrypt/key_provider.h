// The `cmd` kind of ocicrypt key provider: one JSON request in, one JSON answer out (ocicrypt,
// docs/keyprovider.md). Named "attestation-agent" in OCICRYPT_KEYPROVIDER_CONFIG it makes the
// packets that a guest opens with keys from its broker.
//
//   --encryption-key provider:attestation-agent:keyid=kbs:///repo/type/tag::keypath=FILE
//   --decryption-key provider:attestation-agent:keypath=FILE
//
// keypath names a file of 32 raw bytes, the key-encryption key; `::algorithm=A256GCM` may be given
// and is the only one.
#pragma once

#include <string>
#include <string_view>

#include "base/secret_bytes.h"
#include "base/status.h"

namespace nacre::image {

inline constexpr size_t kMaxKeyProviderRequest = 1 << 20;

// Answers "keywrap" and "keyunwrap". The answer to the latter holds a layer's key: for the caller's
// pipe only. kInvalidArgument names the parameter that is missing or unknown.
absl::StatusOr<std::string> AnswerKeyProvider(std::string_view request);

// A key-encryption key from a file; kInvalidArgument unless it has 32 bytes.
absl::StatusOr<SecretBytes> ReadKeyFile(const std::string& path);

}  // namespace nacre::image
