#include "image-rs-cpp/unpack/folder_stack.h"

#include <fcntl.h>

#include <cerrno>

#include "base/strings.h"

namespace nacre::image {
namespace {

constexpr int kFolder = O_RDONLY | O_DIRECTORY;

absl::Status SetTime(const OpenFolder& folder) {
  if (!folder.set_time) return absl::OkStatus();
  const timespec times[2] = {folder.time, folder.time};
  if (futimens(folder.fd.get(), times) == 0) return absl::OkStatus();
  return ErrnoStatus(errno, "setting the time of a folder");
}

}  // namespace

absl::StatusOr<FolderStack> FolderStack::Create(const ConfinedFolder& root) {
  FolderStack stack;
  ASSIGN_OR_RETURN(UniqueFd fd, root.OpenInside("", kFolder));
  RETURN_IF_ERROR(stack.Push(std::move(fd)));
  stack.top().set_time = false;  // unless the archive says one
  return stack;
}

absl::Status FolderStack::Push(UniqueFd fd) {
  struct stat info;
  if (fstat(fd.get(), &info) != 0) return ErrnoStatus(errno, "looking at a folder");
  OpenFolder& folder = folders_.emplace_back();
  folder.fd = std::move(fd);
  folder.gives_group = (info.st_mode & S_ISGID) != 0;
  folder.set_time = true;
  folder.time = info.st_mtim;
  return absl::OkStatus();
}

absl::Status FolderStack::Leave() {
  RETURN_IF_ERROR(SetTime(top()));
  folders_.pop_back();
  return absl::OkStatus();
}

absl::Status FolderStack::Enter(const std::string& name) {
  ASSIGN_OR_RETURN(UniqueFd fd, ConfinedFolder::OpenBelow(this->fd(), name, kFolder));
  return Push(std::move(fd));
}

absl::Status FolderStack::Finish() {
  while (folders_.size() > 1) RETURN_IF_ERROR(Leave());
  return SetTime(top());
}

}  // namespace nacre::image
