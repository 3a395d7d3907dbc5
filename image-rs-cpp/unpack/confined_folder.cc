#include "image-rs-cpp/unpack/confined_folder.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "base/file.h"
#include "base/strings.h"
#include "image-rs-cpp/printable.h"
#include "image-rs-cpp/unpack/entry_path.h"

namespace nacre::image {

absl::StatusOr<ConfinedFolder> ConfinedFolder::Open(const std::string& path) {
  ASSIGN_OR_RETURN(UniqueFd root, OpenFile(path, O_PATH | O_DIRECTORY | O_NOFOLLOW));
  return ConfinedFolder(path, std::move(root));
}

absl::StatusOr<UniqueFd> ConfinedFolder::OpenInside(const std::string& canonical, int flags) const {
  return OpenBelow(root_.get(), canonical, flags);
}

absl::StatusOr<UniqueFd> ConfinedFolder::OpenBelow(int folder, const std::string& canonical,
                                                   int flags) {
  open_how how = {};
  how.flags = static_cast<uint64_t>(flags) | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  const char* name = canonical.empty() ? "." : canonical.c_str();
  long fd;
  do {
    fd = syscall(SYS_openat2, folder, name, &how, sizeof how);
  } while (fd < 0 && (errno == EINTR || errno == EAGAIN));
  if (fd >= 0) return UniqueFd(static_cast<int>(fd));
  if (errno == ELOOP) return OverALink(canonical);
  if (errno == ENOTDIR) return NotAFolder(canonical);
  return ErrnoStatus(errno, StrCat("'", Printable(canonical), "'"));
}

}  // namespace nacre::image
