// Each entry is put below a parent folder that openat2 has just found (or made) without crossing a
// symbolic link, by a last name with no slash in it, using calls that do not follow a link in that
// name. Nobody else writes to the folder, so what we made a moment ago is what is there.
#include "image-rs-cpp/unpack/layer_applier.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>

#include "base/file.h"
#include "base/strings.h"
#include "image-rs-cpp/printable.h"
#include "image-rs-cpp/unpack/xattrs.h"

namespace nacre::image {
namespace {

constexpr std::string_view kWhiteout = ".wh.";
constexpr std::string_view kOpaque = ".wh..wh..opq";
constexpr std::string_view kAufs = ".wh..wh.";

bool IsWhiteoutDevice(const struct stat& info) {
  return S_ISCHR(info.st_mode) && info.st_rdev == makedev(0, 0);
}

timespec Time(const TarEntry& entry) {
  return {static_cast<time_t>(entry.mtime_seconds), static_cast<long>(entry.mtime_nanoseconds)};
}

absl::Status Errno(std::string_view call) { return ErrnoStatus(errno, call); }

}  // namespace

absl::StatusOr<LayerApplier> LayerApplier::Create(const std::string& folder, const Limits& limits,
                                                  UnpackBudget* budget) {
  ASSIGN_OR_RETURN(ConfinedFolder root, ConfinedFolder::Open(folder));
  if (chmod(folder.c_str(), 0755) != 0) return Errno("chmod of the layer's folder");
  return LayerApplier(std::move(root), limits, budget);
}

absl::Status LayerApplier::BeginEntry(const TarEntry& entry) {
  current_ = entry;
  RETURN_IF_ERROR(Apply(entry), StrCat("tar entry '", Printable(entry.path), "'"));
  return absl::OkStatus();
}

absl::Status LayerApplier::Apply(const TarEntry& entry) {
  RETURN_IF_ERROR(budget_->DrawEntry());
  ++facts_.entries;
  ASSIGN_OR_RETURN(std::string path, CanonicalEntryPath(entry.path, *limits_));
  const SplitPath place = SplitEntryPath(path);
  if (path.empty() && entry.type != TarType::kDirectory) {
    return absl::InvalidArgumentError("the root can only be a folder");
  }
  if (place.name.starts_with(kWhiteout)) return ApplyWhiteout(place);
  switch (entry.type) {
    case TarType::kDirectory:
      return ApplyFolder(entry, path, place);
    case TarType::kFile:
      return ApplyFile(place);
    case TarType::kHardLink:
      return ApplyHardLink(entry, place);
    default:
      return ApplyNode(entry, place);
  }
}

absl::Status LayerApplier::EntryData(ByteView data) {
  if (!file_.valid()) return absl::OkStatus();  // a whiteout with bytes in it
  RETURN_IF_ERROR(WriteAll(file_.get(), data), StrCat("writing '", Printable(current_.path), "'"));
  return absl::OkStatus();
}

absl::Status LayerApplier::EndEntry() {
  if (!file_.valid()) return absl::OkStatus();
  UniqueFd file = std::move(file_);
  const std::string where = StrCat("tar entry '", Printable(current_.path), "'");
  // The owner first: changing it clears set-id bits and file capabilities.
  if (fchown(file.get(), current_.uid, current_.gid) != 0) return Annotate(Errno("chown"), where);
  if (fchmod(file.get(), current_.mode) != 0) return Annotate(Errno("chmod"), where);
  RETURN_IF_ERROR(SetXattrs(file.get(), current_.xattrs), where);
  const timespec times[2] = {Time(current_), Time(current_)};
  if (futimens(file.get(), times) != 0) return Annotate(Errno("setting the time"), where);
  return absl::OkStatus();
}

absl::StatusOr<LayerFacts> LayerApplier::Finish() {
  parent_fd_.Reset();
  for (const auto& [path, time] : folder_times_) {
    // A later entry may have replaced the folder, or one above it; then there is nothing to set.
    absl::StatusOr<UniqueFd> folder = root_.OpenInside(path, O_RDONLY | O_DIRECTORY);
    if (!folder.ok()) continue;
    const timespec times[2] = {time, time};
    if (futimens(folder->get(), times) != 0) return Errno("setting the time of a folder");
  }
  std::vector<std::pair<std::string, timespec>>().swap(folder_times_);
  return std::move(facts_);
}

absl::Status LayerApplier::ApplyWhiteout(const SplitPath& place) {
  // Where this layer itself has something else in the place of the folder, what was in it below is
  // hidden already. (umoci writes such whiteouts when a folder becomes a file.)
  absl::StatusOr<UniqueFd> folder = root_.OpenInside(place.parent, O_PATH | O_DIRECTORY);
  if (absl::IsFailedPrecondition(folder.status()) || absl::IsInvalidArgument(folder.status())) {
    return absl::OkStatus();
  }
  if (place.name == kOpaque) {
    RETURN_IF_ERROR(OpenParent(place.parent).status());
    return SetOpaque(place.parent);
  }
  if (place.name.starts_with(kAufs)) return absl::OkStatus();  // aufs's own notes
  const std::string hidden = place.name.substr(kWhiteout.size());
  if (hidden.empty() || hidden == "." || hidden == "..") {
    return absl::InvalidArgumentError("a whiteout of no file");
  }
  ASSIGN_OR_RETURN(int parent, OpenParent(place.parent));
  struct stat info;
  if (fstatat(parent, hidden.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) {
    // This layer has a file of that name too: it stays, and hides what is below by itself.
    if (!S_ISDIR(info.st_mode)) return absl::OkStatus();
    return SetOpaque(place.parent.empty() ? hidden : StrCat(place.parent, "/", hidden));
  }
  if (mknodat(parent, hidden.c_str(), S_IFCHR, makedev(0, 0)) != 0) return Errno("mknod");
  return absl::OkStatus();
}

absl::Status LayerApplier::ApplyFolder(const TarEntry& entry, const std::string& path,
                                       const SplitPath& place) {
  if (path.empty()) {
    facts_.implicit_folders.erase("");
    return SetFolderAttributes(entry, path);
  }
  ASSIGN_OR_RETURN(int parent, OpenParent(place.parent));
  struct stat info;
  const bool exists = fstatat(parent, place.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0;
  const bool hides = exists && IsWhiteoutDevice(info);
  if (exists && !S_ISDIR(info.st_mode)) RETURN_IF_ERROR(RemoveExisting(parent, place));
  if (!exists || !S_ISDIR(info.st_mode)) {
    if (mkdirat(parent, place.name.c_str(), 0700) != 0) return Errno("mkdir");
  }
  facts_.implicit_folders.erase(path);
  RETURN_IF_ERROR(SetFolderAttributes(entry, path));
  return hides ? SetOpaque(path) : absl::OkStatus();
}

absl::Status LayerApplier::ApplyFile(const SplitPath& place) {
  ASSIGN_OR_RETURN(int parent, OpenParent(place.parent));
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  int fd = openat(parent, place.name.c_str(), kFlags, 0600);
  if (fd < 0 && errno == EEXIST) {
    RETURN_IF_ERROR(RemoveExisting(parent, place));
    fd = openat(parent, place.name.c_str(), kFlags, 0600);
  }
  if (fd < 0) return Errno("creating the file");
  file_.Reset(fd);
  return absl::OkStatus();
}

absl::Status LayerApplier::ApplyHardLink(const TarEntry& entry, const SplitPath& place) {
  const std::string shown = StrCat("hard link to '", Printable(entry.link_target), "'");
  ASSIGN_OR_RETURN(std::string target, CanonicalEntryPath(entry.link_target, *limits_), shown);
  const SplitPath from = SplitEntryPath(target);
  ASSIGN_OR_RETURN(UniqueFd target_parent, root_.OpenInside(from.parent, O_PATH | O_DIRECTORY),
                   shown);
  struct stat info;
  if (target.empty() ||
      fstatat(target_parent.get(), from.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    return absl::InvalidArgumentError(StrCat(shown, ", which is not in this layer"));
  }
  if (S_ISDIR(info.st_mode) || IsWhiteoutDevice(info)) {
    return absl::InvalidArgumentError(StrCat(shown, ", which cannot be linked"));
  }
  ASSIGN_OR_RETURN(int parent, OpenParent(place.parent));
  struct stat present;
  if (fstatat(parent, place.name.c_str(), &present, AT_SYMLINK_NOFOLLOW) == 0) {
    if (present.st_ino == info.st_ino && present.st_dev == info.st_dev) return absl::OkStatus();
    RETURN_IF_ERROR(RemoveExisting(parent, place));
  }
  if (linkat(target_parent.get(), from.name.c_str(), parent, place.name.c_str(), 0) != 0) {
    return Errno(shown);
  }
  return absl::OkStatus();
}

// Symbolic links, devices and fifos.
absl::Status LayerApplier::ApplyNode(const TarEntry& entry, const SplitPath& place) {
  ASSIGN_OR_RETURN(int parent, OpenParent(place.parent));
  RETURN_IF_ERROR(RemoveExisting(parent, place));
  const char* name = place.name.c_str();
  int result = 0;
  if (entry.type == TarType::kSymbolicLink) {
    if (entry.link_target.empty() || entry.link_target.size() > limits_->max_path_length) {
      return absl::InvalidArgumentError("a symbolic link to an empty or too long path");
    }
    result = symlinkat(entry.link_target.c_str(), parent, name);
  } else if (entry.type == TarType::kFifo) {
    result = mknodat(parent, name, S_IFIFO | 0600, 0);
  } else {
    const bool character = entry.type == TarType::kCharacter;
    const dev_t device = makedev(entry.device_major, entry.device_minor);
    if (character && device == makedev(0, 0)) {
      return absl::InvalidArgumentError("character device 0:0 means a whiteout to overlayfs");
    }
    if (++device_nodes_ > limits_->max_device_nodes) {
      return absl::ResourceExhaustedError(
          StrCat("more than ", limits_->max_device_nodes, " device nodes in one layer"));
    }
    result = mknodat(parent, name, (character ? S_IFCHR : S_IFBLK) | 0600, device);
  }
  if (result != 0) return Errno("creating the entry");
  return SetNodeAttributes(entry, parent, place.name);
}

// The descriptor stays ours and is valid until the next call.
absl::StatusOr<int> LayerApplier::OpenParent(const std::string& parent) {
  if (parent_fd_.valid() && parent == parent_path_) return parent_fd_.get();
  absl::StatusOr<UniqueFd> found = root_.OpenInside(parent, O_PATH | O_DIRECTORY);
  if (!found.ok()) {
    // Missing folders are made; so are those where this layer's whiteout stands in the way.
    if (!absl::IsNotFound(found.status()) && !absl::IsFailedPrecondition(found.status())) {
      return found.status();
    }
    found = MakeFolders(parent);
    RETURN_IF_ERROR(found.status());
  }
  parent_fd_ = *std::move(found);
  parent_path_ = parent;
  return parent_fd_.get();
}

absl::StatusOr<UniqueFd> LayerApplier::MakeFolders(const std::string& path) {
  ASSIGN_OR_RETURN(UniqueFd at, root_.OpenInside("", O_PATH | O_DIRECTORY));
  std::string so_far;
  for (std::string_view part : StrSplit(path, '/')) {
    const std::string name(part);
    so_far = so_far.empty() ? name : StrCat(so_far, "/", name);
    struct stat info;
    const bool exists = fstatat(at.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0;
    const bool whiteout = exists && IsWhiteoutDevice(info);
    if (whiteout && unlinkat(at.get(), name.c_str(), 0) != 0) return Errno("unlink");
    if (!exists || whiteout) {
      if (mkdirat(at.get(), name.c_str(), 0755) != 0) return Errno("mkdir");
      if (fchmodat(at.get(), name.c_str(), 0755, 0) != 0) return Errno("chmod");
      facts_.implicit_folders.insert(so_far);
      if (whiteout) RETURN_IF_ERROR(SetOpaque(so_far));
    }
    ASSIGN_OR_RETURN(at, root_.OpenInside(so_far, O_PATH | O_DIRECTORY));
  }
  return at;
}

absl::Status LayerApplier::RemoveExisting(int parent, const SplitPath& place) {
  if (unlinkat(parent, place.name.c_str(), 0) == 0 || errno == ENOENT) return absl::OkStatus();
  if (errno != EISDIR) return Errno("replacing an earlier entry");
  const std::string path =
      place.parent.empty() ? place.name : StrCat(place.parent, "/", place.name);
  // No symbolic link on this way: `parent` was opened along it. It stays open and valid itself, as
  // only what is below it goes.
  RETURN_IF_ERROR(RemoveTree(StrCat(root_.path(), "/", path)));
  auto& folders = facts_.implicit_folders;
  folders.erase(path);
  folders.erase(folders.lower_bound(path + "/"), folders.lower_bound(path + "0"));  // '/' + 1
  return absl::OkStatus();
}

absl::Status LayerApplier::SetFolderAttributes(const TarEntry& entry, const std::string& path) {
  ASSIGN_OR_RETURN(UniqueFd folder, root_.OpenInside(path, O_RDONLY | O_DIRECTORY));
  if (fchown(folder.get(), entry.uid, entry.gid) != 0) return Errno("chown");
  if (fchmod(folder.get(), entry.mode) != 0) return Errno("chmod");
  RETURN_IF_ERROR(SetXattrs(folder.get(), entry.xattrs));
  folder_times_.emplace_back(path, Time(entry));
  return absl::OkStatus();
}

absl::Status LayerApplier::SetNodeAttributes(const TarEntry& entry, int parent,
                                             const std::string& name) {
  if (fchownat(parent, name.c_str(), entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW) != 0) {
    return Errno("chown");
  }
  // A symbolic link has no mode of its own.
  if (entry.type != TarType::kSymbolicLink && fchmodat(parent, name.c_str(), entry.mode, 0) != 0) {
    return Errno("chmod");
  }
  RETURN_IF_ERROR(SetXattrsAt(parent, name, entry.xattrs));
  const timespec times[2] = {Time(entry), Time(entry)};
  if (utimensat(parent, name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0) {
    return Errno("setting the time");
  }
  return absl::OkStatus();
}

absl::Status LayerApplier::SetOpaque(const std::string& path) {
  ASSIGN_OR_RETURN(UniqueFd folder, root_.OpenInside(path, O_RDONLY | O_DIRECTORY));
  if (fsetxattr(folder.get(), "trusted.overlay.opaque", "y", 1, 0) != 0) {
    return Errno("marking a folder opaque");
  }
  return absl::OkStatus();
}

}  // namespace nacre::image
