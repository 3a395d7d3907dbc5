#include "image-rs-cpp/store/copy_up.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "base/file.h"
#include "base/strings.h"

namespace nacre::image {
namespace {

// `from` may be an O_PATH descriptor, so the way is its name in /proc.
absl::Status CopyXattrs(int from_fd, const std::string& to) {
  const std::string from = StrCat("/proc/self/fd/", from_fd);
  std::string names(64 << 10, '\0');
  const ssize_t length = listxattr(from.c_str(), names.data(), names.size());
  if (length < 0) return ErrnoStatus(errno, "listing extended attributes");
  names.resize(static_cast<size_t>(length));
  std::string value(64 << 10, '\0');
  for (std::string_view name : StrSplit(names, '\0')) {
    if (name.empty() || name.starts_with("trusted.overlay.")) continue;
    const std::string text(name);
    const ssize_t size = getxattr(from.c_str(), text.c_str(), value.data(), value.size());
    if (size < 0 ||
        lsetxattr(to.c_str(), text.c_str(), value.data(), static_cast<size_t>(size), 0) != 0) {
      return ErrnoStatus(errno, "copying extended attributes");
    }
  }
  return absl::OkStatus();
}

// By hand, where the two file systems have no way between them. Blocks of zeros stay holes: not
// every file system says where it has some.
absl::Status ReadAndWrite(int from, int to, off_t start, off_t end) {
  std::string buffer(256 << 10, '\0');
  const std::string zeros(4096, '\0');
  while (start < end) {
    const size_t wanted = std::min(buffer.size(), static_cast<size_t>(end - start));
    const ssize_t count = pread(from, buffer.data(), wanted, start);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoStatus(errno, "reading a file of a lower layer");
    if (count == 0) return absl::DataLossError("a file of a lower layer became shorter");
    std::string_view rest(buffer.data(), static_cast<size_t>(count));
    for (; !rest.empty(); rest.remove_prefix(std::min(rest.size(), zeros.size()))) {
      const std::string_view block = rest.substr(0, zeros.size());
      const off_t at = start + count - static_cast<off_t>(rest.size());
      if (block == std::string_view(zeros).substr(0, block.size())) continue;
      if (lseek(to, at, SEEK_SET) < 0) return ErrnoStatus(errno, "seek");
      RETURN_IF_ERROR(WriteAll(to, AsBytes(block)));
    }
    start += count;
  }
  return absl::OkStatus();
}

absl::Status CopyPart(int from, int to, off_t start, off_t end) {
  while (start < end) {
    const ssize_t count =
        copy_file_range(from, &start, to, nullptr, static_cast<size_t>(end - start), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && (errno == EXDEV || errno == EOPNOTSUPP || errno == EINVAL)) {
      return ReadAndWrite(from, to, start, end);
    }
    if (count < 0) return ErrnoStatus(errno, "copying a file of a lower layer");
    if (count == 0) return absl::DataLossError("a file of a lower layer became shorter");
  }
  return absl::OkStatus();
}

// Holes stay holes: one file may be far larger than the disk.
absl::Status CopyBytes(int from, int to, off_t size) {
  for (off_t at = 0; at < size;) {
    const off_t start = lseek(from, at, SEEK_DATA);
    if (start < 0 && errno == ENXIO) break;
    const off_t end = start < 0 ? -1 : lseek(from, start, SEEK_HOLE);
    if (end < 0 || lseek(to, start, SEEK_SET) < 0) return ErrnoStatus(errno, "finding holes");
    RETURN_IF_ERROR(CopyPart(from, to, start, end));
    at = end;
  }
  return ftruncate(to, size) == 0 ? absl::OkStatus() : ErrnoStatus(errno, "truncate");
}

absl::Status CopyLink(int place, const std::string& to_path) {
  std::string target(PATH_MAX, '\0');
  const ssize_t size = readlinkat(place, "", target.data(), target.size());
  if (size < 0) return ErrnoStatus(errno, "readlink");
  target.resize(static_cast<size_t>(size));
  return symlink(target.c_str(), to_path.c_str()) == 0 ? absl::OkStatus()
                                                       : ErrnoStatus(errno, "symlink");
}

}  // namespace

// The owner first: changing it clears set-id bits and file capabilities.
absl::Status CopyAttributes(int from, const std::string& to) {
  struct stat info;
  if (fstat(from, &info) != 0) return ErrnoStatus(errno, "stat");
  if (lchown(to.c_str(), info.st_uid, info.st_gid) != 0) return ErrnoStatus(errno, "chown");
  if (!S_ISLNK(info.st_mode) && chmod(to.c_str(), info.st_mode & 07777) != 0) {
    return ErrnoStatus(errno, "chmod");
  }
  RETURN_IF_ERROR(CopyXattrs(from, to));
  const timespec times[2] = {info.st_mtim, info.st_mtim};
  if (utimensat(AT_FDCWD, to.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0) return absl::OkStatus();
  return ErrnoStatus(errno, "setting the time");
}

absl::Status CopyUp(const ConfinedFolder& layer, const std::string& path,
                    const std::string& to_path) {
  ASSIGN_OR_RETURN(UniqueFd place, layer.OpenInside(path, O_PATH | O_NOFOLLOW));
  struct stat info;
  if (fstat(place.get(), &info) != 0) return ErrnoStatus(errno, "stat");
  if (S_ISREG(info.st_mode)) {
    ASSIGN_OR_RETURN(UniqueFd from, layer.OpenInside(path, O_RDONLY | O_NOFOLLOW));
    ASSIGN_OR_RETURN(UniqueFd to, OpenFile(to_path, O_WRONLY | O_CREAT | O_EXCL, 0600));
    RETURN_IF_ERROR(CopyBytes(from.get(), to.get(), info.st_size));
  } else if (S_ISLNK(info.st_mode)) {
    RETURN_IF_ERROR(CopyLink(place.get(), to_path));
  } else if (mknod(to_path.c_str(), info.st_mode, info.st_rdev) != 0) {
    return ErrnoStatus(errno, "mknod");
  }
  return CopyAttributes(place.get(), to_path);
}

}  // namespace nacre::image
