// All mount options together must fit into one page. (Newer kernels take the layers one by one,
// "lowerdir+", but not that of Debian 12.) Absolute names of a hundred layers do not fit; names
// from the folder they lie in, like "12", do for as many as overlayfs takes at all.
#include "image-rs-cpp/store/rootfs.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <thread>

#include "base/file.h"
#include "base/strings.h"

namespace nacre::image {
namespace {

constexpr size_t kOptionPage = 4096;    // with a closing NUL
constexpr size_t kMostLowerDirs = 500;  // OVL_MAX_STACK

absl::Status CheckPath(const std::string& path) {
  if (!path.empty() && path[0] == '/' && path.find_first_of(",:\\") == std::string::npos) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      StrCat("rootfs folder '", path, "' must be absolute, without ',', ':' or '\\'"));
}

std::string Options(const std::vector<std::string>& lower_dirs, const RootfsPlace& place) {
  return StrCat("redirect_dir=nofollow,metacopy=off,lowerdir=", StrJoin(lower_dirs, ":"),
                ",upperdir=", place.upper, ",workdir=", place.work);
}

// The folder that `path` lies in.
std::string FolderOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

absl::Status Mount(const std::string& target, const std::string& options) {
  if (mount("overlay", target.c_str(), "overlay", MS_NODEV, options.c_str()) == 0) {
    return absl::OkStatus();
  }
  return ErrnoStatus(errno, StrCat("mounting overlay at ", target));
}

// The working folder belongs to all threads together, so one with its own does it.
absl::Status MountFrom(const std::string& folder, const std::string& target,
                       const std::string& options) {
  absl::Status status;
  try {
    std::thread([&] {
      if (unshare(CLONE_FS) != 0 || chdir(folder.c_str()) != 0) {
        status = ErrnoStatus(errno, StrCat("working in ", folder));
      } else {
        status = Mount(target, options);
      }
    }).join();
  } catch (const std::system_error& error) {
    return absl::ResourceExhaustedError(StrCat("starting a thread: ", error.what()));
  }
  return status;
}

}  // namespace

absl::Status MountLayers(const ComposedLayers& layers, const RootfsPlace& place) {
  for (const std::string& path : {place.upper, place.work, place.target}) {
    RETURN_IF_ERROR(CheckPath(path));
    RETURN_IF_ERROR(MakeDirectories(path));
  }
  // The root folder one sees through overlayfs is the upper one.
  if (chown(place.upper.c_str(), layers.root_uid, layers.root_gid) != 0 ||
      chmod(place.upper.c_str(), layers.root_mode) != 0) {
    return ErrnoStatus(errno, place.upper);
  }
  if (layers.lower_dirs.size() > kMostLowerDirs) {
    return absl::ResourceExhaustedError(
        StrCat("mounting ", layers.lower_dirs.size(), " layers: overlayfs takes ", kMostLowerDirs));
  }
  std::string options = Options(layers.lower_dirs, place);
  if (options.size() < kOptionPage) return Mount(place.target, options);
  // From the folder of the lowest one, which is a layer and no folder of attributes.
  const std::string base = FolderOf(layers.lower_dirs.back());
  std::vector<std::string> names = layers.lower_dirs;
  for (std::string& name : names) {
    if (FolderOf(name) == base) name.erase(0, base.size() + 1);
  }
  options = Options(names, place);
  if (options.size() < kOptionPage) return MountFrom(base, place.target, options);
  return absl::ResourceExhaustedError(
      StrCat("mounting ", layers.lower_dirs.size(), " layers: their names need ", options.size(),
             " bytes of mount options, the kernel takes ", kOptionPage - 1));
}

absl::Status UnmountRootfs(const std::string& target) {
  if (umount2(target.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) return absl::OkStatus();
  return ErrnoStatus(errno, StrCat("unmounting ", target));
}

}  // namespace nacre::image
