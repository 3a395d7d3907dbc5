#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/file.h"
#include "base/strings.h"

namespace nacre {
namespace {

// Levels RemoveTree keeps open at once. Deeper folders are first moved up to the top, so a tree of
// any depth goes away with bounded stack and descriptors.
constexpr int kMaxOpenLevels = 64;

// What tells one mount from another, also for a bind mount of the same file system.
struct MountIdentity {
  uint32_t major = 0;
  uint32_t minor = 0;
  uint64_t mount_id = 0;
  bool operator==(const MountIdentity&) const = default;
};

absl::StatusOr<MountIdentity> MountOf(int fd, const std::string& name) {
  struct statx info = {};
  if (::statx(fd, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_TYPE | STATX_MNT_ID, &info) != 0) {
    return ErrnoStatus(errno, "statx of " + name);
  }
  return MountIdentity{info.stx_dev_major, info.stx_dev_minor,
                       (info.stx_mask & STATX_MNT_ID) != 0 ? info.stx_mnt_id : 0};
}

class TreeRemover {
 public:
  // Removes everything in `top`, which must be an open folder.
  absl::Status Empty(UniqueFd top, const std::string& path) {
    ASSIGN_OR_RETURN(mount_, MountOf(top.get(), path));
    top_fd_ = top.get();
    do {
      moved_up_ = false;
      // Each pass reads the folder through a fresh description, so its position starts at 0.
      UniqueFd pass(::openat(top_fd_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      if (!pass.valid()) return ErrnoStatus(errno, "opening " + path);
      RETURN_IF_ERROR(EmptyFolder(std::move(pass), path, 0));
    } while (moved_up_);
    return absl::OkStatus();
  }

 private:
  absl::Status EmptyFolder(UniqueFd fd, const std::string& path, int level) {
    DIR* dir = ::fdopendir(fd.get());
    if (dir == nullptr) return ErrnoStatus(errno, "reading folder " + path);
    (void)fd.Release();  // closedir closes it
    absl::Status status;
    while (status.ok()) {
      errno = 0;
      const dirent* entry = ::readdir(dir);
      if (entry == nullptr) {
        if (errno != 0) status = ErrnoStatus(errno, "reading folder " + path);
        break;
      }
      std::string_view name = entry->d_name;
      if (name == "." || name == "..") continue;
      status = RemoveEntry(::dirfd(dir), entry->d_name, StrCat(path, "/", name), level);
    }
    ::closedir(dir);
    return status;
  }

  absl::Status RemoveEntry(int parent, const char* name, const std::string& path, int level) {
    if (::unlinkat(parent, name, 0) == 0 || errno == ENOENT) return absl::OkStatus();
    if (errno != EISDIR && errno != EPERM) return ErrnoStatus(errno, "removing " + path);
    UniqueFd fd(::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd.valid()) return ErrnoStatus(errno, "removing " + path);
    ASSIGN_OR_RETURN(MountIdentity mount, MountOf(fd.get(), path));
    if (mount != mount_) {
      return absl::FailedPreconditionError(
          StrCat("removing ", path, ": another file system is mounted there"));
    }
    if (level >= kMaxOpenLevels) return MoveUp(parent, name, path);
    RETURN_IF_ERROR(EmptyFolder(std::move(fd), path, level + 1));
    if (::unlinkat(parent, name, AT_REMOVEDIR) != 0 && errno != ENOENT) {
      return ErrnoStatus(errno, "removing " + path);
    }
    return absl::OkStatus();
  }

  absl::Status MoveUp(int parent, const char* name, const std::string& path) {
    for (;;) {
      std::string target = StrCat(".removing-", ::getpid(), "-", moves_++);
      if (::renameat2(parent, name, top_fd_, target.c_str(), RENAME_NOREPLACE) == 0) break;
      if (errno != EEXIST) return ErrnoStatus(errno, "removing " + path);
    }
    moved_up_ = true;
    return absl::OkStatus();
  }

  MountIdentity mount_;
  int top_fd_ = -1;
  bool moved_up_ = false;
  uint64_t moves_ = 0;
};

}  // namespace

absl::Status RemoveTree(const std::string& path) {
  if (path.empty()) return absl::InvalidArgumentError("removing tree: empty path");
  if (::unlink(path.c_str()) == 0 || errno == ENOENT || errno == ENOTDIR) return absl::OkStatus();
  if (errno != EISDIR && errno != EPERM) return ErrnoStatus(errno, "removing " + path);
  ASSIGN_OR_RETURN(UniqueFd fd, OpenFile(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  RETURN_IF_ERROR(TreeRemover().Empty(std::move(fd), path));
  if (::rmdir(path.c_str()) != 0 && errno != ENOENT) return ErrnoStatus(errno, "removing " + path);
  return absl::OkStatus();
}

}  // namespace nacre
