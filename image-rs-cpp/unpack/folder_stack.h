// The folder that is being written to and those above it, open. An archive lists a tree in order,
// so most entries find their folder open already, and each folder is opened once. Leaving a folder
// is the moment to give it its time: whatever is put into it afterwards comes through here again,
// and the time it has then is kept. Nothing is remembered of folders that have been left.
#pragma once

#include <sys/stat.h>

#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "image-rs-cpp/unpack/confined_folder.h"

namespace nacre::image {

struct OpenFolder {
  UniqueFd fd;               // O_RDONLY | O_DIRECTORY
  size_t path_size = 0;      // how much of the stack's path leads here
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
  const std::string& path() const { return path_; }

  // Leaves folders until one on the way to `path` (canonical) is the top; gives what is left of the
  // way, "" when the top is that folder.
  absl::StatusOr<std::string_view> LeaveFor(std::string_view path);
  // Enters a folder of the top by its name, keeping the time it has. Errors as
  // ConfinedFolder::OpenInside.
  absl::Status Enter(std::string_view name);
  // Leaves all but the root, and gives the root its time too.
  absl::Status Finish();

 private:
  FolderStack() = default;
  absl::Status Leave();
  absl::Status Push(UniqueFd fd, size_t path_size);

  std::vector<OpenFolder> folders_;
  std::string path_;
};

}  // namespace nacre::image
