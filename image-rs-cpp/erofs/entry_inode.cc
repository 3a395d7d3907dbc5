#include "image-rs-cpp/erofs/entry_inode.h"

#include <sys/stat.h>

#include <algorithm>

#include "image-rs-cpp/erofs/xattr_body.h"
#include "image-rs-cpp/unpack/acl.h"

namespace nacre::image::erofs {
namespace {

bool IsAcl(std::string_view name) { return name == kAccessAcl || name == kDefaultAcl; }

absl::Status SetAcl(std::string_view name, std::string_view value, Inode* inode) {
  ASSIGN_OR_RETURN(const AclMeaning acl, ReadAcl(value));
  if (acl.empty) return absl::OkStatus();
  if (name == kAccessAcl) {
    inode->mode = static_cast<uint16_t>((inode->mode & ~0777u) | acl.mode);
    if (acl.only_mode) return absl::OkStatus();
  }
  SetXattr(name, value, &inode->Extra().xattrs);
  return absl::OkStatus();
}

absl::Status SetOne(std::string_view name, std::string_view value, Inode* inode) {
  ASSIGN_OR_RETURN(const bool keeps, KeepsXattr(name));
  if (!keeps) return absl::OkStatus();
  if (IsAcl(name)) return SetAcl(name, value, inode);
  SetXattr(name, value, &inode->Extra().xattrs);
  return absl::OkStatus();
}

}  // namespace

void SetXattr(std::string_view name, std::string_view value, Xattrs* xattrs) {
  auto present = std::find_if(xattrs->begin(), xattrs->end(),
                              [&](const auto& xattr) { return xattr.first == name; });
  if (present != xattrs->end()) {
    present->second = value;
  } else {
    xattrs->emplace_back(name, value);
  }
}

absl::Status SetAttributes(const TarEntry& entry, Inode* inode) {
  const uint32_t type = inode->mode & S_IFMT;
  // A symbolic link has no mode of its own.
  inode->mode = static_cast<uint16_t>(type | (type == S_IFLNK ? 0777u : entry.mode & 07777u));
  inode->uid = entry.uid;
  inode->gid = entry.gid;
  inode->mtime_seconds = entry.mtime_seconds;
  inode->mtime_nanoseconds = entry.mtime_nanoseconds;
  if (inode->extra != nullptr) {
    std::erase_if(inode->extra->xattrs, [](const auto& xattr) { return IsAcl(xattr.first); });
  }
  if (entry.xattrs.empty()) return absl::OkStatus();
  for (const auto& [name, value] : entry.xattrs) {
    RETURN_IF_ERROR(SetOne(name, value, inode));
  }
  if (inode->extra == nullptr) return absl::OkStatus();
  return EncodeXattrs(inode->extra->xattrs).status();
}

uint64_t MemoryOf(const TarEntry& entry) {
  if (entry.xattrs.empty()) return 0;
  uint64_t size = sizeof(InodeExtra);
  for (const auto& [name, value] : entry.xattrs) size += 64 + name.size() + value.size();
  return size;
}

}  // namespace nacre::image::erofs
