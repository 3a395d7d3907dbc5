#include "runtime/hypervisor/scratch_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/file.h"
#include "base/strings.h"

namespace nacre::runtime {
namespace {

// O_EXCL: it can never be given a name. Some file systems (overlayfs, NFS) know no nameless files:
// there it has one for the moment between the two calls.
absl::StatusOr<UniqueFd> Nameless(const std::string& folder) {
  UniqueFd fd(::open(folder.c_str(), O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, 0600));
  if (fd.valid()) return fd;
  if (errno != EOPNOTSUPP && errno != EISDIR) return ErrnoStatus(errno, folder);
  std::string name = folder + "/scratch.XXXXXX";
  fd.Reset(::mkostemp(name.data(), O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(errno, folder);
  if (::unlink(name.c_str()) != 0) return ErrnoStatus(errno, name);
  return fd;
}

}  // namespace

absl::StatusOr<UniqueFd> MakeScratchFile(const SandboxPlan& plan) {
  if (plan.scratch_disk_mib == 0) return UniqueFd();
  const std::string& folder = plan.scratch_disk_folder;
  RETURN_IF_ERROR(MakeDirectories(folder, 0700), "scratch disk");
  ASSIGN_OR_RETURN(UniqueFd fd, Nameless(folder), "scratch disk");
  if (::ftruncate(fd.get(), static_cast<off_t>(plan.scratch_disk_mib) << 20) != 0) {
    return ErrnoStatus(errno, StrCat("scratch disk: ", plan.scratch_disk_mib, " MiB in ", folder));
  }
  return fd;
}

}  // namespace nacre::runtime
