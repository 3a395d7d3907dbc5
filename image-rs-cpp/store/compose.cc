#include "image-rs-cpp/store/compose.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <map>
#include <optional>
#include <set>

#include "base/file.h"
#include "base/strings.h"
#include "image-rs-cpp/printable.h"
#include "image-rs-cpp/unpack/confined_folder.h"
#include "image-rs-cpp/unpack/entry_path.h"

namespace nacre::image {
namespace {

struct Layer {
  const StoredLayer* stored;
  ConfinedFolder folder;
};

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

absl::StatusOr<Sight> Look(const Layer& layer, const std::string& path) {
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

// Where the attributes of a visible folder come from.
struct Origin {
  bool visible = false;
  bool restore = false;          // the topmost one is a stand-in
  const Layer* named = nullptr;  // the first layer that names the folder; may be none
};

absl::StatusOr<Origin> FindOrigin(const std::vector<Layer>& top_first, const std::string& path) {
  Origin origin;
  for (const Layer& layer : top_first) {
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

bool IsWhiteout(const Layer& layer, const std::string& path) {
  absl::StatusOr<UniqueFd> fd = layer.folder.OpenInside(path, O_PATH | O_NOFOLLOW);
  struct stat info;
  return fd.ok() && fstat(fd->get(), &info) == 0 && S_ISCHR(info.st_mode) &&
         info.st_rdev == makedev(0, 0);
}

// Whether what the layer at `depth` has at `path` can be seen through the layers above it.
absl::StatusOr<bool> ShinesThrough(const std::vector<Layer>& top_first, size_t depth,
                                   const std::string& path) {
  for (size_t i = 0; i < depth; ++i) {
    ASSIGN_OR_RETURN(Sight sight, Look(top_first[i], path));
    if (sight.kind != Sight::Kind::kAbsent || sight.ends_here) return false;
  }
  return true;
}

// The file that a hard link of the layer at `depth` means.
struct LinkSource {
  size_t depth;
  std::string path;
};
absl::StatusOr<LinkSource> FindLinkSource(const std::vector<Layer>& top_first, size_t depth,
                                          std::string target) {
  const std::string shown = StrCat("layer ", top_first[depth].stored->diff_id, ": hard link to '",
                                   Printable(target), "'");
  // That its own layer did not hide it when the link was made, has been seen then.
  bool ends = false;
  for (size_t i = depth + 1; i < top_first.size() && !ends; ++i) {
    const auto& links = top_first[i].stored->facts.outside_links;
    ASSIGN_OR_RETURN(Sight sight, Look(top_first[i], target));
    ends = sight.ends_here;
    if (sight.kind == Sight::Kind::kAbsent) continue;
    ends = true;
    if (IsWhiteout(top_first[i], target)) {
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

// To a file of any kind, in a folder of ours that nobody else writes to. The owner first: changing
// it clears set-id bits and file capabilities.
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

absl::Status CopyPart(int from, int to, off_t start, off_t end) {
  while (start < end) {
    const ssize_t count =
        copy_file_range(from, &start, to, nullptr, static_cast<size_t>(end - start), 0);
    if (count < 0 && errno == EINTR) continue;
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

// As overlayfs copies a file up.
absl::Status CopyFile(const Layer& layer, const std::string& path, const std::string& to_path) {
  ASSIGN_OR_RETURN(UniqueFd place, layer.folder.OpenInside(path, O_PATH | O_NOFOLLOW));
  struct stat info;
  if (fstat(place.get(), &info) != 0) return ErrnoStatus(errno, "stat");
  if (S_ISREG(info.st_mode)) {
    ASSIGN_OR_RETURN(UniqueFd from, layer.folder.OpenInside(path, O_RDONLY | O_NOFOLLOW));
    ASSIGN_OR_RETURN(UniqueFd to, OpenFile(to_path, O_WRONLY | O_CREAT | O_EXCL, 0600));
    RETURN_IF_ERROR(CopyBytes(from.get(), to.get(), info.st_size));
  } else if (S_ISLNK(info.st_mode)) {
    RETURN_IF_ERROR(CopyLink(place.get(), to_path));
  } else if (mknod(to_path.c_str(), info.st_mode, info.st_rdev) != 0) {
    return ErrnoStatus(errno, "mknod");
  }
  return CopyAttributes(place.get(), to_path);
}

// The tree of restored folders. Its ancestors too become the topmost of their name, so each folder
// in it gets the attributes of its origin.
class AttributeTree {
 public:
  AttributeTree(const std::vector<Layer>& top_first, std::string root)
      : layers_(top_first), root_(std::move(root)) {}

  bool made() const { return made_; }

  absl::Status Restore(const std::string& path) {
    if (path.empty() || done_.contains(path)) return absl::OkStatus();
    RETURN_IF_ERROR(Restore(SplitEntryPath(path).parent));
    if (!made_) RETURN_IF_ERROR(MakeDirectories(root_));
    made_ = true;
    const std::string at = StrCat(root_, "/", path);
    if (mkdir(at.c_str(), 0755) != 0) return ErrnoStatus(errno, at);
    done_.insert(path);
    ASSIGN_OR_RETURN(Origin origin, FindOrigin(layers_, path));
    if (origin.named == nullptr) return absl::OkStatus();
    origins_.emplace(path, origin.named);
    return absl::OkStatus();
  }

  // A file of a layer under a name of its own or another one. All names of one file in this tree
  // are one file.
  absl::Status AddFile(const LinkSource& source, const std::string& path) {
    const SplitPath place = SplitEntryPath(path);
    RETURN_IF_ERROR(Restore(place.parent));
    if (!made_) RETURN_IF_ERROR(MakeDirectories(root_));
    made_ = true;
    const std::string at = StrCat(root_, "/", path);
    auto [earlier, is_new] = files_.emplace(std::make_pair(source.depth, source.path), at);
    if (is_new) {
      RETURN_IF_ERROR(CopyFile(layers_[source.depth], source.path, at),
                      StrCat("hard link '", Printable(path), "' to a lower layer"));
      return absl::OkStatus();
    }
    if (link(earlier->second.c_str(), at.c_str()) == 0 || errno == EEXIST) return absl::OkStatus();
    return ErrnoStatus(errno, at);
  }

  // Once the tree stands: making a folder changes the time of the one above.
  absl::Status SetAttributes() {
    for (auto entry = origins_.rbegin(); entry != origins_.rend(); ++entry) {
      const auto& [path, layer] = *entry;
      ASSIGN_OR_RETURN(UniqueFd from, layer->folder.OpenInside(path, O_RDONLY | O_DIRECTORY));
      RETURN_IF_ERROR(CopyAttributes(from.get(), StrCat(root_, "/", path)), Printable(path));
    }
    return absl::OkStatus();
  }

 private:
  const std::vector<Layer>& layers_;
  std::string root_;
  bool made_ = false;
  std::set<std::string> done_;
  std::map<std::string, const Layer*> origins_;
  std::map<std::pair<size_t, std::string>, std::string> files_;  // by source: where it is
};

// Hard links across layers, wherever they can be seen.
absl::Status ResolveLinks(const std::vector<Layer>& top_first, AttributeTree* tree) {
  for (size_t depth = 0; depth < top_first.size(); ++depth) {
    for (const auto& [path, target] : top_first[depth].stored->facts.outside_links) {
      // A later entry of the same layer may have taken its place.
      if (!IsWhiteout(top_first[depth], path)) continue;
      ASSIGN_OR_RETURN(bool visible, ShinesThrough(top_first, depth, path));
      if (!visible) continue;
      ASSIGN_OR_RETURN(LinkSource source, FindLinkSource(top_first, depth, target));
      ASSIGN_OR_RETURN(bool source_visible, ShinesThrough(top_first, source.depth, source.path));
      if (source_visible) RETURN_IF_ERROR(tree->AddFile(source, source.path));
      RETURN_IF_ERROR(tree->AddFile(source, path));
    }
  }
  return absl::OkStatus();
}

absl::Status FindRoot(const std::vector<Layer>& top_first, ComposedLayers* composed) {
  for (const Layer& layer : top_first) {
    if (layer.stored->facts.implicit_folders.contains("")) continue;
    struct stat info;
    if (fstat(layer.folder.fd(), &info) != 0) return ErrnoStatus(errno, layer.folder.path());
    composed->root_mode = info.st_mode & 07777;
    composed->root_uid = info.st_uid;
    composed->root_gid = info.st_gid;
    break;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ComposedLayers> ComposeLayers(
    const std::vector<std::shared_ptr<const StoredLayer>>& layers,
    const std::string& attributes_dir) {
  std::vector<Layer> top_first;
  std::set<std::string> implicit;
  ComposedLayers composed;
  std::set<const StoredLayer*> seen;
  for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer) {
    if (!seen.insert(layer->get()).second) continue;
    ASSIGN_OR_RETURN(ConfinedFolder folder, ConfinedFolder::Open((*layer)->path));
    top_first.push_back({layer->get(), std::move(folder)});
    const auto& folders = (*layer)->facts.implicit_folders;
    implicit.insert(folders.begin(), folders.end());
    composed.lower_dirs.push_back((*layer)->path);
  }
  implicit.erase("");
  AttributeTree tree(top_first, attributes_dir);
  for (const std::string& path : implicit) {
    ASSIGN_OR_RETURN(Origin origin, FindOrigin(top_first, path));
    if (origin.restore && origin.named != nullptr) RETURN_IF_ERROR(tree.Restore(path));
  }
  RETURN_IF_ERROR(ResolveLinks(top_first, &tree));
  RETURN_IF_ERROR(tree.SetAttributes());
  if (tree.made()) composed.lower_dirs.insert(composed.lower_dirs.begin(), attributes_dir);
  if (composed.lower_dirs.empty()) {
    RETURN_IF_ERROR(MakeDirectories(attributes_dir));
    composed.lower_dirs.push_back(attributes_dir);
  }
  RETURN_IF_ERROR(FindRoot(top_first, &composed));
  return composed;
}

}  // namespace nacre::image
