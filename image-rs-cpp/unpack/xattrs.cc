#include "image-rs-cpp/unpack/xattrs.h"

#include <sys/xattr.h>

#include <cerrno>
#include <functional>

#include "base/strings.h"
#include "image-rs-cpp/printable.h"

namespace nacre::image {
namespace {

using Setter = std::function<int(const char* name, const std::string& value)>;

absl::Status SetAll(const Xattrs& xattrs, const Setter& set) {
  for (const auto& [name, value] : xattrs) {
    const std::string shown = StrCat("extended attribute '", Printable(name), "'");
    if (name.starts_with("trusted.overlay.") || name.starts_with("user.overlay.")) {
      return absl::InvalidArgumentError(StrCat(shown, " belongs to overlayfs"));
    }
    if (name == "security.selinux") continue;
    if (set(name.c_str(), value) == 0) continue;
    if (errno == EOPNOTSUPP && name.starts_with("user.")) continue;
    return ErrnoStatus(errno, shown);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status SetXattrs(int fd, const Xattrs& xattrs) {
  return SetAll(xattrs, [fd](const char* name, const std::string& value) {
    return fsetxattr(fd, name, value.data(), value.size(), 0);
  });
}

absl::Status SetXattrsAt(int folder, const std::string& name, const Xattrs& xattrs) {
  if (xattrs.empty()) return absl::OkStatus();
  // There is no setxattrat(2) yet; /proc gives a path that starts at our open folder.
  const std::string path = StrCat("/proc/self/fd/", folder, "/", name);
  return SetAll(xattrs, [&path](const char* attribute, const std::string& value) {
    return lsetxattr(path.c_str(), attribute, value.data(), value.size(), 0);
  });
}

}  // namespace nacre::image
