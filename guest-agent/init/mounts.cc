// An initramfs is the kernel's own first mount ("rootfs"), which has no parent; pivot_root(2), with
// which crun gives a container its root, refuses to move such a mount. Copying everything to a
// tmpfs would cost time and memory. Instead the same files are bound a second time and that second
// mount is moved on top of the first: it has a parent, and not a byte was copied.

#include "guest-agent/init/mounts.h"

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/file.h"
#include "base/strings.h"

namespace nacre::guest_agent {
namespace {

struct Mount {
  const char* type;
  const char* target;
  unsigned long flags;
  const char* options;
};

constexpr unsigned long kData = MS_NOSUID | MS_NODEV;
constexpr unsigned long kSystem = kData | MS_NOEXEC;
constexpr Mount kMounts[] = {
    {"proc", "/proc", kSystem, ""},
    {"sysfs", "/sys", kSystem, ""},
    {"devtmpfs", "/dev", MS_NOSUID | MS_NOEXEC, "mode=0755"},
    {"devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "mode=0620,ptmxmode=0666"},
    {"tmpfs", "/dev/shm", kSystem, "mode=1777"},
    // Images are unpacked below /run: most of the memory may be theirs.
    {"tmpfs", "/run", kData, ""},  // RunOptions(), which look at /sys
    {"cgroup2", "/sys/fs/cgroup", kSystem, ""},
};

}  // namespace

absl::Status MoveRoot() {
  constexpr char kNewRoot[] = "/newroot";
  if (mkdir(kNewRoot, 0755) != 0 && errno != EEXIST) return ErrnoStatus(errno, "making /newroot");
  if (mount("/", kNewRoot, nullptr, MS_BIND, nullptr) != 0)
    return ErrnoStatus(errno, "binding the root");
  if (chdir(kNewRoot) != 0) return ErrnoStatus(errno, "entering the new root");
  if (mount(".", "/", nullptr, MS_MOVE, nullptr) != 0) return ErrnoStatus(errno, "moving the root");
  if (chroot(".") != 0 || chdir("/") != 0) return ErrnoStatus(errno, "changing the root");
  return absl::OkStatus();
}

// Never larger than the file: a page for each small one, as without the option. Before 6.14 it
// would do nothing for files that are written from their beginning, and is left out.
std::string RunOptions(const std::string& sysfs) {
  const bool sized =
      PathExists(StrCat(sysfs, "/kernel/mm/transparent_hugepage/hugepages-64kB/shmem_enabled"));
  return StrCat("mode=0755,size=75%", sized ? ",huge=within_size" : "");
}

absl::Status MountSystem() {
  for (const Mount& entry : kMounts) {
    absl::Status status = MakeDirectories(entry.target);
    const bool run = std::string_view(entry.target) == "/run";
    const std::string options = run ? RunOptions() : entry.options;
    if (status.ok() &&
        mount(entry.type, entry.target, entry.type, entry.flags, options.c_str()) != 0) {
      status = ErrnoStatus(errno, entry.target);
    }
    RETURN_IF_ERROR(status, "mounting");
  }
  return absl::OkStatus();
}

void MountConfigfs() { (void)mount("configfs", "/sys/kernel/config", "configfs", kSystem, ""); }

}  // namespace nacre::guest_agent
