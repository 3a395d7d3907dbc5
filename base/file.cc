#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/strings.h"

namespace nacre {
namespace {

// Levels RemoveTree keeps open at once. Deeper folders are first moved up to the top, so a tree of
// any depth goes away with bounded stack and descriptors.
constexpr int kMaxOpenLevels = 64;

std::string ParentOf(const std::string& path) {
  size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

absl::Status SyncFolder(const std::string& path) {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenFile(path, O_RDONLY | O_DIRECTORY));
  if (::fsync(fd.get()) != 0 && errno != EINVAL) return ErrnoStatus(errno, "fsync of " + path);
  return absl::OkStatus();
}

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

absl::StatusOr<UniqueFd> OpenFile(const std::string& path, int flags, mode_t mode) {
  int fd;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return ErrnoStatus(errno, "opening " + path);
  return UniqueFd(fd);
}

absl::StatusOr<Bytes> ReadFile(const std::string& path, size_t max_size) {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenFile(path, O_RDONLY));
  struct stat info = {};
  if (::fstat(fd.get(), &info) != 0) return ErrnoStatus(errno, "stat of " + path);
  // The size is a first guess only: it is 0 in /proc, and the file may grow while it is read.
  size_t guess = S_ISREG(info.st_mode) ? static_cast<size_t>(info.st_size) : 0;
  Bytes data(std::min(guess, max_size) + 1);
  size_t used = 0;
  for (;;) {
    if (used == data.size()) data.resize(std::min(std::max<size_t>(used * 2, 4096), max_size + 1));
    ssize_t got = ::read(fd.get(), data.data() + used, data.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoStatus(errno, "reading " + path);
    if (got == 0) break;
    used += static_cast<size_t>(got);
    if (used > max_size) {
      return absl::ResourceExhaustedError(
          StrCat("reading ", path, ": larger than ", max_size, " bytes"));
    }
  }
  data.resize(used);
  return data;
}

absl::StatusOr<std::string> ReadTextFile(const std::string& path, size_t max_size) {
  ASSIGN_OR_RETURN(Bytes data, ReadFile(path, max_size));
  return ToString(data);
}

absl::Status WriteFile(const std::string& path, ByteView data, mode_t mode) {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenFile(path, O_WRONLY | O_CREAT | O_TRUNC, mode));
  return Annotate(WriteAll(fd.get(), data), "writing " + path);
}

absl::Status WriteFileAtomic(const std::string& path, ByteView data, mode_t mode) {
  std::string temporary = path + ".new-XXXXXX";
  UniqueFd fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(errno, "creating " + path);
  absl::Status status = Annotate(WriteAll(fd.get(), data), "writing " + path);
  if (status.ok() && ::fchmod(fd.get(), mode) != 0) {
    status = ErrnoStatus(errno, "chmod of " + path);
  }
  if (status.ok() && ::fsync(fd.get()) != 0) status = ErrnoStatus(errno, "fsync of " + path);
  if (status.ok() && ::rename(temporary.c_str(), path.c_str()) != 0) {
    status = ErrnoStatus(errno, "renaming to " + path);
  }
  if (!status.ok()) {
    (void)::unlink(temporary.c_str());
    return status;
  }
  return SyncFolder(ParentOf(path));
}

absl::Status WriteAll(int fd, ByteView data) {
  while (!data.empty()) {
    ssize_t written = ::write(fd, data.data(), data.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return ErrnoStatus(errno, "write");
    data = data.subspan(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status ReadExact(int fd, std::span<uint8_t> out) {
  while (!out.empty()) {
    ssize_t got = ::read(fd, out.data(), out.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoStatus(errno, "read");
    if (got == 0) {
      return absl::OutOfRangeError(StrCat("read: ended ", out.size(), " bytes early"));
    }
    out = out.subspan(static_cast<size_t>(got));
  }
  return absl::OkStatus();
}

absl::Status MakeDirectories(const std::string& path, mode_t mode) {
  if (path.empty()) return absl::InvalidArgumentError("making folder: empty path");
  for (size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    std::string part = path.substr(0, end);
    if (::mkdir(part.c_str(), mode) != 0 && errno != EEXIST) {
      return ErrnoStatus(errno, "making folder " + part);
    }
    if (end == std::string::npos) break;
  }
  struct stat info = {};
  if (::stat(path.c_str(), &info) != 0) return ErrnoStatus(errno, "making folder " + path);
  if (!S_ISDIR(info.st_mode)) {
    return absl::AlreadyExistsError(StrCat("making folder ", path, ": something else is there"));
  }
  return absl::OkStatus();
}

absl::Status RemoveTree(const std::string& path) {
  if (path.empty()) return absl::InvalidArgumentError("removing tree: empty path");
  if (::unlink(path.c_str()) == 0 || errno == ENOENT || errno == ENOTDIR) return absl::OkStatus();
  if (errno != EISDIR && errno != EPERM) return ErrnoStatus(errno, "removing " + path);
  ASSIGN_OR_RETURN(UniqueFd fd, OpenFile(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  RETURN_IF_ERROR(TreeRemover().Empty(std::move(fd), path));
  if (::rmdir(path.c_str()) != 0 && errno != ENOENT) return ErrnoStatus(errno, "removing " + path);
  return absl::OkStatus();
}

bool PathExists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

absl::StatusOr<TemporaryDirectory> TemporaryDirectory::Create(std::string_view prefix) {
  const char* parent = std::getenv("TMPDIR");
  if (parent == nullptr || *parent == '\0') parent = P_tmpdir;
  std::string path = StrCat(parent, "/", prefix, "-XXXXXX");
  if (::mkdtemp(path.data()) == nullptr) return ErrnoStatus(errno, "making folder " + path);
  return TemporaryDirectory(std::move(path));
}

TemporaryDirectory::TemporaryDirectory(TemporaryDirectory&& other) noexcept
    : path_(std::exchange(other.path_, {})) {}

TemporaryDirectory& TemporaryDirectory::operator=(TemporaryDirectory&& other) noexcept {
  if (this != &other) {
    if (!path_.empty()) RemoveTree(path_).IgnoreError();
    path_ = std::exchange(other.path_, {});
  }
  return *this;
}

TemporaryDirectory::~TemporaryDirectory() {
  if (!path_.empty()) RemoveTree(path_).IgnoreError();
}

}  // namespace nacre
