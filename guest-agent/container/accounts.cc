#include "guest-agent/container/accounts.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "base/bytes.h"
#include "base/file.h"
#include "base/strings.h"
#include "guest-agent/limits.h"

namespace nacre::guest_agent {
namespace {

// The empty string when there is none. O_NONBLOCK keeps a fifo in the image from holding us.
absl::StatusOr<std::string> ReadInside(int root, const char* path) {
  open_how how = {};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  const UniqueFd fd(static_cast<int>(syscall(SYS_openat2, root, path, &how, sizeof(how))));
  if (!fd.valid() && (errno == ENOENT || errno == ENOTDIR)) return std::string();
  if (!fd.valid()) return ErrnoStatus(errno, StrCat(path, " of the image"));
  struct stat info;
  if (fstat(fd.get(), &info) != 0) return ErrnoStatus(errno, StrCat(path, " of the image"));
  if (!S_ISREG(info.st_mode))
    return absl::InvalidArgumentError(StrCat(path, " of the image is not a regular file"));
  if (info.st_size > static_cast<off_t>(kMaxAccountFile))
    return absl::ResourceExhaustedError(
        StrCat(path, " of the image is larger than ", kMaxAccountFile, " bytes"));
  std::string text(info.st_size, '\0');
  RETURN_IF_ERROR(ReadExact(fd.get(), {reinterpret_cast<uint8_t*>(text.data()), text.size()}));
  return text;
}

}  // namespace

absl::StatusOr<AccountFiles> ReadAccountFiles(const std::string& rootfs) {
  ASSIGN_OR_RETURN(const UniqueFd root, OpenFile(rootfs, O_PATH | O_DIRECTORY));
  AccountFiles files;
  ASSIGN_OR_RETURN(files.passwd, ReadInside(root.get(), "etc/passwd"));
  ASSIGN_OR_RETURN(files.group, ReadInside(root.get(), "etc/group"));
  return files;
}

}  // namespace nacre::guest_agent
