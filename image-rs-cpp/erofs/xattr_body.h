// Extended attributes as they follow an inode: a header, then prefix, rest of the name and value of
// each.
#pragma once

#include "base/bytes.h"
#include "base/status.h"
#include "image-rs-cpp/unpack/xattrs.h"

namespace nacre::image::erofs {

// Empty for no attributes; a multiple of 4 bytes otherwise. Names are those of xattr(7), each once.
// kInvalidArgument for one that Linux does not keep on files (other than "user.", "trusted.",
// "security." and the two of ACLs); kResourceExhausted for a value over 65,535 bytes, or more than
// 262,148 bytes of them together.
absl::StatusOr<Bytes> EncodeXattrs(const Xattrs& xattrs);

}  // namespace nacre::image::erofs
