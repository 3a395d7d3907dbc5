// Extended attributes out of an archive.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/status.h"

namespace nacre::image {

using Xattrs = std::vector<std::pair<std::string, std::string>>;

// On an open file or folder / on a last name below an open folder, not following a link.
// overlayfs's own names are kInvalidArgument; SELinux labels (of the machine that built the image)
// are left out; "user." attributes are left out where the file system has none, as tmpfs before
// Linux 6.6.
absl::Status SetXattrs(int fd, const Xattrs& xattrs);
absl::Status SetXattrsAt(int folder, const std::string& name, const Xattrs& xattrs);

}  // namespace nacre::image
