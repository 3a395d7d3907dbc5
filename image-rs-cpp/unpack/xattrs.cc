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

// What the folder did not give, or the file system does not know, is gone already.
absl::Status Removed(int result) {
  if (result == 0 || errno == ENODATA || errno == EOPNOTSUPP) return absl::OkStatus();
  return ErrnoStatus(errno, "removing an inherited ACL");
}

// There is no setxattrat(2) yet; /proc gives a path that starts at our open folder.
std::string PathAt(int folder, const std::string& name) {
  return StrCat("/proc/self/fd/", folder, "/", name);
}

}  // namespace

absl::Status RemoveAcls(int fd) {
  RETURN_IF_ERROR(Removed(fremovexattr(fd, kAccessAcl.data())));
  return Removed(fremovexattr(fd, kDefaultAcl.data()));
}

absl::Status RemoveAclsAt(int folder, const std::string& name) {
  return Removed(lremovexattr(PathAt(folder, name).c_str(), kAccessAcl.data()));
}

absl::Status SetXattrs(int fd, const Xattrs& xattrs) {
  return SetAll(xattrs, [fd](const char* name, const std::string& value) {
    return fsetxattr(fd, name, value.data(), value.size(), 0);
  });
}

absl::Status SetXattrsAt(int folder, const std::string& name, const Xattrs& xattrs) {
  if (xattrs.empty()) return absl::OkStatus();
  const std::string path = PathAt(folder, name);
  return SetAll(xattrs, [&path](const char* attribute, const std::string& value) {
    return lsetxattr(path.c_str(), attribute, value.data(), value.size(), 0);
  });
}

}  // namespace nacre::image
