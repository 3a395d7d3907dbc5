// An ocicrypt key provider: one JSON request in, one JSON answer out (ocicrypt, keyprovider.md).
// Named "attestation-agent" in OCICRYPT_KEYPROVIDER_CONFIG it makes the packets that a guest opens
// with keys from its broker. See provider_parameters.h for what it is told.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret_bytes.h"
#include "base/status.h"

namespace nacre::image {

inline constexpr size_t kMaxKeyProviderRequest = 1 << 20;

struct KeyProviderOptions {
  // When set, the only files that requests may name: a provider that serves others reads with its
  // own rights, not theirs.
  std::optional<std::vector<std::string>> key_files;
};

// Answers "keywrap" and "keyunwrap". The answer to the latter holds a layer's key: for the caller's
// pipe only. kInvalidArgument names the parameter that is missing or unknown, kPermissionDenied a
// key file that is not among the options', kUnauthenticated a packet made with another key.
absl::StatusOr<std::string> AnswerKeyProvider(std::string_view request,
                                              const KeyProviderOptions& options = {});

}  // namespace nacre::image
