#include "image-rs-cpp/store/rootfs.h"

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/file.h"
#include "base/strings.h"

namespace nacre::image {
namespace {

constexpr size_t kOptionPage = 4096;  // the kernel's page, less its closing NUL

absl::Status CheckPath(const std::string& path) {
  if (!path.empty() && path[0] == '/' && path.find_first_of(",:\\") == std::string::npos) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      StrCat("rootfs folder '", path, "' must be absolute, without ',', ':' or '\\'"));
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
  const std::string options =
      StrCat("redirect_dir=nofollow,metacopy=off,lowerdir=", StrJoin(layers.lower_dirs, ":"),
             ",upperdir=", place.upper, ",workdir=", place.work);
  if (options.size() >= kOptionPage) {
    return absl::ResourceExhaustedError(
        StrCat("mounting ", layers.lower_dirs.size(), " layers: their paths need ", options.size(),
               " bytes of mount options, the kernel takes ", kOptionPage - 1));
  }
  if (mount("overlay", place.target.c_str(), "overlay", MS_NODEV, options.c_str()) != 0) {
    return ErrnoStatus(errno, StrCat("mounting overlay at ", place.target));
  }
  return absl::OkStatus();
}

absl::Status UnmountRootfs(const std::string& target) {
  if (umount2(target.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) return absl::OkStatus();
  return ErrnoStatus(errno, StrCat("unmounting ", target));
}

}  // namespace nacre::image
