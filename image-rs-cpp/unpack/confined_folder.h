// A folder whose inside is written by names out of a hostile archive. The kernel does the
// confining: every folder is opened with openat2 so that no symbolic link, ".." or mount is ever
// crossed, and changes are made with *at calls on one last name below such a folder.
#pragma once

#include <string>

#include "base/status.h"
#include "base/unique_fd.h"

namespace nacre::image {

class ConfinedFolder {
 public:
  static absl::StatusOr<ConfinedFolder> Open(const std::string& path);

  int fd() const { return root_.get(); }
  const std::string& path() const { return path_; }

  // A descriptor (O_PATH unless other flags are given) of a file below the root, by its canonical
  // path ("" is the root). kNotFound when it is missing; OverALink (O_PATH | O_NOFOLLOW opens a
  // link at its end) and NotAFolder (entry_path.h).
  absl::StatusOr<UniqueFd> OpenInside(const std::string& canonical, int flags) const;
  // The same below another folder that has been opened so.
  static absl::StatusOr<UniqueFd> OpenBelow(int folder, const std::string& canonical, int flags);

 private:
  ConfinedFolder(std::string path, UniqueFd root)
      : path_(std::move(path)), root_(std::move(root)) {}
  std::string path_;
  UniqueFd root_;
};

}  // namespace nacre::image
