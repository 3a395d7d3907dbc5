// A folder tree as text, for comparing: one line a file, sorted, with everything a container can
// see of it.
#pragma once

#include <string>

namespace nacre::image::testing {

// "path type mode uid gid size mtime rdev links target xattrs sha256". `with_folder_times` and link
// counts of folders are left out where an overlay changes them.
struct TreeOptions {
  bool folder_times = true;
  bool links = true;
};
std::string DescribeTree(const std::string& root, const TreeOptions& options = {});

}  // namespace nacre::image::testing
