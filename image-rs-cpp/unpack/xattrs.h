// Extended attributes out of an archive.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "image-rs-cpp/unpack/tar_entry.h"

namespace nacre::image {

using Xattrs = std::vector<std::pair<std::string, std::string>>;

inline constexpr std::string_view kAccessAcl = "system.posix_acl_access";
inline constexpr std::string_view kDefaultAcl = "system.posix_acl_default";
inline constexpr std::string_view kOpaqueXattr = "trusted.overlay.opaque";

// Whether an attribute of an archive is to be kept: SELinux labels (of the machine that built the
// image) are not, and overlayfs's own names are kInvalidArgument.
absl::StatusOr<bool> KeepsXattr(std::string_view name);
// kInvalidArgument for attributes that Linux refuses: names of no kind it knows, those of
// users on what is neither file nor folder, ACLs and capabilities it could not read.
absl::Status CheckXattrs(const TarEntry& entry);

// On an open file or folder / on a last name below an open folder, not following a link.
// Those that KeepsXattr says; "user." attributes are left out where the file system has none, as
// tmpfs before Linux 6.6.
absl::Status SetXattrs(int fd, const Xattrs& xattrs);
absl::Status SetXattrsAt(int folder, const std::string& name, const Xattrs& xattrs);

// Takes away the ACLs that a new file has got from its folder's default ACL.
absl::Status RemoveAcls(int fd);
absl::Status RemoveAclsAt(int folder, const std::string& name);

}  // namespace nacre::image
