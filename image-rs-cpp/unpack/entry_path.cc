#include "image-rs-cpp/unpack/entry_path.h"

#include "base/strings.h"
#include "image-rs-cpp/printable.h"

namespace nacre::image {

absl::StatusOr<std::string> CanonicalEntryPath(std::string_view path, const Limits& limits) {
  auto refuse = [&](std::string_view why) {
    return absl::InvalidArgumentError(StrCat("path '", Printable(path), "' ", why));
  };
  if (path.empty()) return refuse("is empty");
  if (path.size() > limits.max_path_length) {
    return absl::ResourceExhaustedError(StrCat("path '", Printable(path), "' is ", path.size(),
                                               " bytes, allowed are ", limits.max_path_length));
  }
  if (path.front() == '/') return refuse("is absolute");
  if (path.find('\0') != std::string_view::npos) return refuse("holds a NUL byte");
  std::string out;
  uint32_t depth = 0;
  for (std::string_view name : StrSplit(path, '/')) {
    if (name.empty() || name == ".") continue;
    if (name == "..") return refuse("leads upwards with '..'");
    if (name.size() > limits.max_name_length || ++depth > limits.max_path_depth) {
      return absl::ResourceExhaustedError(StrCat("path '", Printable(path), "': a name over ",
                                                 limits.max_name_length, " bytes, or over ",
                                                 limits.max_path_depth, " names"));
    }
    if (!out.empty()) out += '/';
    out += name;
  }
  return out;
}

SplitPath SplitEntryPath(std::string_view canonical) {
  const size_t slash = canonical.rfind('/');
  if (slash == std::string_view::npos) return {"", std::string(canonical)};
  return {std::string(canonical.substr(0, slash)), std::string(canonical.substr(slash + 1))};
}

absl::Status OverALink(std::string_view path) {
  return absl::InvalidArgumentError(StrCat("'", Printable(path), "' leads over a symbolic link"));
}

absl::Status NotAFolder(std::string_view path) {
  return absl::FailedPreconditionError(StrCat("'", Printable(path), "' is not a folder"));
}

}  // namespace nacre::image
