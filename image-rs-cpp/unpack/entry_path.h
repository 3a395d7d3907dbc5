// Paths inside a tar, checked and in canonical form.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "image-rs-cpp/limits.h"

namespace nacre::image {

// "./usr//bin/" becomes "usr/bin"; the root itself becomes "". kInvalidArgument for an empty or
// absolute path or one with a ".." in it; kResourceExhausted for one that is too long or deep.
absl::StatusOr<std::string> CanonicalEntryPath(std::string_view path, const Limits& limits);

// "usr/bin/env" -> {"usr/bin", "env"}; "usr" -> {"", "usr"}.
struct SplitPath {
  std::string parent;
  std::string name;
};
SplitPath SplitEntryPath(std::string_view canonical);

// What is wrong with a way through a tree: kInvalidArgument, "leads over a symbolic link", and
// kFailedPrecondition, "is not a folder".
absl::Status OverALink(std::string_view path);
absl::Status NotAFolder(std::string_view path);

}  // namespace nacre::image
