// The folder that is being written to and those above it, open. An archive lists a tree in order,
// so most entries find their folder open already, and each folder is opened once. Leaving a folder
// is the moment to give it its time: whatever is put into it afterwards comes through here again,
// and the time it has then is kept. Nothing is remembered of folders that have been left.
#pragma once

#include <sys/stat.h>

#include <ctime>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "image-rs-cpp/unpack/confined_folder.h"

namespace nacre::image {

struct OpenFolder {
  UniqueFd fd;               // O_RDONLY | O_DIRECTORY
  bool gives_group = false;  // set-group-id: what is made in it gets its group
  bool set_time = false;     // on leaving it
  timespec time = {};
};

class FolderStack {
 public:
  // Opens the root.
  static absl::StatusOr<FolderStack> Create(const ConfinedFolder& root);

  OpenFolder& top() { return folders_.back(); }
  int fd() const { return folders_.back().fd.get(); }
  // The folder that the top one is in; the root for the root.
  const OpenFolder& above() const {
    return folders_[folders_.size() < 2 ? 0 : folders_.size() - 2];
  }

  // Enters a folder of the top by its name, keeping the time it has. Errors as
  // ConfinedFolder::OpenInside.
  absl::Status Enter(const std::string& name);
  // Leaves the top, which is not the root.
  absl::Status Leave();
  // Leaves all but the root, and gives the root its time too.
  absl::Status Finish();

 private:
  FolderStack() = default;
  absl::Status Push(UniqueFd fd);

  std::vector<OpenFolder> folders_;
};

}  // namespace nacre::image
