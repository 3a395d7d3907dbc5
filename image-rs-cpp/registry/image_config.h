// The image configuration: what to run by default, and the digests of the unpacked layers.
// OCI image spec, config.md; Docker's is the same document.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "image-rs-cpp/limits.h"
#include "image-rs-cpp/registry/digest.h"

namespace nacre::image {

struct ImageConfig {
  std::string os;
  std::string architecture;
  std::vector<std::string> env;  // "NAME=value"
  std::vector<std::string> entrypoint;
  std::vector<std::string> cmd;
  std::string user;         // "", "1000", "app:staff", as in the image
  std::string working_dir;  // "" means "/"
  std::string stop_signal;  // "", "SIGTERM", "15"
  std::vector<std::string> volumes;
  std::vector<BlobDigest> diff_ids;  // of the uncompressed layer tars, bottom first
};

// kInvalidArgument for a document that breaks the spec (a string with a NUL in it included);
// kResourceExhausted past a limit.
absl::StatusOr<ImageConfig> ParseImageConfig(std::string_view text, const Limits& limits);

}  // namespace nacre::image
