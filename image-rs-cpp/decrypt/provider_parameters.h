// What follows "provider:attestation-agent:" on a command line of skopeo, buildah or nacre:
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

inline constexpr std::string_view kProviderName = "attestation-agent";

struct ProviderParameters {
  std::string key_id;    // "" when not given
  std::string key_path;  // "" when not given
};

// kInvalidArgument names the parameter that is unknown, given twice or malformed.
absl::StatusOr<ProviderParameters> ParseProviderParameters(std::string_view text);

// kInvalidArgument unless both are there.
absl::Status NeedForWrapping(const ProviderParameters& parameters);

// A key-encryption key from a file; kInvalidArgument unless it has 32 bytes.
absl::StatusOr<SecretBytes> ReadKeyFile(const std::string& path);

}  // namespace nacre::image
