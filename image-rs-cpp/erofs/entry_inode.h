// The attributes of a tar entry as an inode has them once Linux has been asked to set them: an ACL
// that says no more than the mode becomes the mode. What Linux would refuse has been refused
// (CheckXattrs of unpack/xattrs.h).
#pragma once

#include <string_view>

#include "base/status.h"
#include "image-rs-cpp/erofs/image_tree.h"
#include "image-rs-cpp/unpack/tar_entry.h"

namespace nacre::image::erofs {

// The type of `inode` is set already. ACLs it has go, other extended attributes stay. Errors as
// EncodeXattrs'.
absl::Status SetAttributes(const TarEntry& entry, Inode* inode);

void SetXattr(std::string_view name, std::string_view value, Xattrs* xattrs);

// What the attributes of an entry may add to an inode, in bytes.
uint64_t MemoryOf(const TarEntry& entry);

}  // namespace nacre::image::erofs
