#include "base/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/strings.h"

namespace nacre {
namespace {

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

absl::StatusOr<Pipe> MakePipe() {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) return ErrnoStatus(errno, "making a pipe");
  return Pipe{UniqueFd(fds[0]), UniqueFd(fds[1])};
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
