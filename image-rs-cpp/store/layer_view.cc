#include "image-rs-cpp/store/layer_view.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <cerrno>

#include "base/strings.h"
#include "image-rs-cpp/printable.h"

namespace nacre::image {
namespace {

// What one layer says about a path.
struct Sight {
  enum class Kind { kAbsent, kFolder, kSymbolicLink, kOther, kHidden } kind = Kind::kAbsent;
  bool ends_here = false;   // lower layers do not shine through (an opaque folder on the way)
  bool ends_above = false;  // that folder is one above this one
};

bool IsOpaque(int fd) {
  char value = 0;
  return fgetxattr(fd, "trusted.overlay.opaque", &value, 1) == 1 && value == 'y';
}

absl::StatusOr<Sight> Look(const OpenLayer& layer, const std::string& path) {
  Sight sight;
  std::string so_far;
  const std::vector<std::string_view> names = StrSplit(path, '/');
  for (size_t i = 0; i < names.size(); ++i) {
    const bool last = i + 1 == names.size();
    so_far = so_far.empty() ? std::string(names[i]) : StrCat(so_far, "/", names[i]);
    absl::StatusOr<UniqueFd> fd = layer.folder.OpenInside(so_far, O_PATH | O_NOFOLLOW);
    if (absl::IsNotFound(fd.status())) return sight;
    RETURN_IF_ERROR(fd.status());
    struct stat info;
    if (fstat(fd->get(), &info) != 0) return ErrnoStatus(errno, so_far);
    if (!S_ISDIR(info.st_mode)) {
      sight.kind = !last                   ? Sight::Kind::kHidden
                   : S_ISLNK(info.st_mode) ? Sight::Kind::kSymbolicLink
                                           : Sight::Kind::kOther;
      return sight;
    }
    ASSIGN_OR_RETURN(UniqueFd folder, layer.folder.OpenInside(so_far, O_RDONLY | O_DIRECTORY));
    sight.ends_above = sight.ends_here;
    sight.ends_here = sight.ends_here || IsOpaque(folder.get());
    if (last) sight.kind = Sight::Kind::kFolder;
  }
  return sight;
}

}  // namespace

absl::StatusOr<FolderOrigin> LayerView::FindOrigin(const std::string& path) const {
  FolderOrigin origin;
  for (const OpenLayer& layer : layers_) {
    ASSIGN_OR_RETURN(Sight sight, Look(layer, path));
    if (sight.kind == Sight::Kind::kFolder) {
      const bool implicit = layer.stored->facts.implicit_folders.contains(path);
      origin.visible = true;
      if (!implicit) {
        origin.named = &layer;
        return origin;
      }
      origin.restore = true;
      // An opaque marker hides what the folder had in it, and leaves the folder.
      if (!sight.ends_above) continue;
    } else if (sight.kind != Sight::Kind::kAbsent) {
      if (origin.visible && sight.kind == Sight::Kind::kSymbolicLink) {
        return absl::UnimplementedError(StrCat("a layer puts files into '", Printable(path),
                                               "', which is a symbolic link in layer ",
                                               layer.stored->diff_id));
      }
      return origin;
    }
    if (sight.ends_here) return origin;
  }
  return origin;
}

bool LayerView::IsWhiteout(size_t depth, const std::string& path) const {
  absl::StatusOr<UniqueFd> fd = layers_[depth].folder.OpenInside(path, O_PATH | O_NOFOLLOW);
  struct stat info;
  return fd.ok() && fstat(fd->get(), &info) == 0 && S_ISCHR(info.st_mode) &&
         info.st_rdev == makedev(0, 0);
}

absl::StatusOr<bool> LayerView::ShinesThrough(size_t depth, const std::string& path) const {
  for (size_t i = 0; i < depth; ++i) {
    ASSIGN_OR_RETURN(Sight sight, Look(layers_[i], path));
    if (sight.kind != Sight::Kind::kAbsent || sight.ends_here) return false;
  }
  return true;
}

absl::StatusOr<LinkSource> LayerView::FindLinkSource(size_t depth, std::string target) const {
  const std::string shown =
      StrCat("layer ", layers_[depth].stored->diff_id, ": hard link to '", Printable(target), "'");
  // That its own layer did not hide it when the link was made, has been seen then.
  bool ends = false;
  for (size_t i = depth + 1; i < layers_.size() && !ends; ++i) {
    const auto& links = layers_[i].stored->facts.outside_links;
    ASSIGN_OR_RETURN(Sight sight, Look(layers_[i], target));
    ends = sight.ends_here;
    if (sight.kind == Sight::Kind::kAbsent) continue;
    ends = true;
    if (IsWhiteout(i, target)) {
      auto further = links.find(target);
      if (further == links.end()) break;
      target = further->second;  // a link itself, to a layer lower still
      ends = false;
    } else if (sight.kind == Sight::Kind::kOther || sight.kind == Sight::Kind::kSymbolicLink) {
      return LinkSource{i, target};
    }
  }
  return absl::InvalidArgumentError(StrCat(shown, ", which no lower layer has as a file"));
}

}  // namespace nacre::image
