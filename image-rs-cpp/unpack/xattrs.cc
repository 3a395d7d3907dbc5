#include "image-rs-cpp/unpack/xattrs.h"

#include <sys/xattr.h>

#include <cerrno>
#include <functional>

#include "base/strings.h"
#include "image-rs-cpp/printable.h"
#include "image-rs-cpp/unpack/acl.h"

namespace nacre::image {
namespace {

std::string Shown(std::string_view name) {
  return StrCat("extended attribute '", Printable(name), "'");
}

using Setter = std::function<int(const char* name, const std::string& value)>;

absl::Status SetAll(const Xattrs& xattrs, const Setter& set) {
  for (const auto& [name, value] : xattrs) {
    ASSIGN_OR_RETURN(const bool keeps, KeepsXattr(name));
    if (!keeps || set(name.c_str(), value) == 0) continue;
    if (errno == EOPNOTSUPP && name.starts_with("user.")) continue;
    return ErrnoStatus(errno, Shown(name));
  }
  return absl::OkStatus();
}

absl::Status Refuse(std::string_view why) { return absl::InvalidArgumentError(StrCat(why)); }

absl::Status CheckAcl(std::string_view name, std::string_view value, TarType type) {
  if (type == TarType::kSymbolicLink) return Refuse("symbolic links have none");
  if (name == kDefaultAcl && type != TarType::kDirectory) return Refuse("only folders have one");
  return ReadAcl(value).status();
}

// vfs_cap_data of capability.h: revision 2, or 3 with a user.
bool IsCapability(std::string_view value) {
  if (value.empty()) return true;
  const char revision = value.size() < 4 ? 0 : value[3];
  return (value.size() == 20 && revision == 2) || (value.size() == 24 && revision == 3);
}

absl::Status CheckXattr(std::string_view name, std::string_view value, TarType type) {
  if (name == kAccessAcl || name == kDefaultAcl) return CheckAcl(name, value, type);
  const std::string_view kind = name.substr(0, name.find('.') + 1);
  if ((kind != "user." && kind != "trusted." && kind != "security.") || kind == name) {
    return Refuse("none that Linux keeps on files");
  }
  if (kind == "user." && type != TarType::kFile && type != TarType::kDirectory) {
    return Refuse("only files and folders have those of users");
  }
  if (name == "security.capability" && !IsCapability(value)) return Refuse("no capabilities");
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

absl::StatusOr<bool> KeepsXattr(std::string_view name) {
  if (name.starts_with("trusted.overlay.") || name.starts_with("user.overlay.")) {
    return absl::InvalidArgumentError(StrCat(Shown(name), " belongs to overlayfs"));
  }
  return name != "security.selinux";
}

absl::Status CheckXattrs(const TarEntry& entry) {
  for (const auto& [name, value] : entry.xattrs) {
    ASSIGN_OR_RETURN(const bool keeps, KeepsXattr(name));
    if (keeps) RETURN_IF_ERROR(CheckXattr(name, value, entry.type), Shown(name));
  }
  return absl::OkStatus();
}

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
