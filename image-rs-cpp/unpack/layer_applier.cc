// Each entry is put into the top folder of the stack, which openat2 has opened without crossing a
// symbolic link, by a last name with no slash in it, using calls that do not follow a link in that
// name. Nobody else writes to the folder, so what we made a moment ago is what is there.
//
// A layer is mostly small files, so what each of them costs decides: open, write, set the time and
// close. Owner and mode are right from the start when they are ours and the thread has no umask;
// that file systems really make files so (and not, say, with their folder's group) is looked at
// once per layer.
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
#include "image-rs-cpp/unpack/thread_umask.h"
#include "image-rs-cpp/unpack/xattrs.h"

namespace nacre::image {
namespace {

constexpr std::string_view kWhiteout = ".wh.";
constexpr std::string_view kOpaque = ".wh..wh..opq";
constexpr std::string_view kAufs = ".wh..wh.";
constexpr uint32_t kSetIdBits = 07000;  // and sticky: set apart from making

bool IsWhiteoutDevice(const struct stat& info) {
  return S_ISCHR(info.st_mode) && info.st_rdev == makedev(0, 0);
}

timespec Time(const TarEntry& entry) {
  return {static_cast<time_t>(entry.mtime_seconds), static_cast<long>(entry.mtime_nanoseconds)};
}

absl::Status Errno(std::string_view call) { return ErrnoStatus(errno, call); }

absl::Status MakeOpaque(int folder) {
  if (fsetxattr(folder, "trusted.overlay.opaque", "y", 1, 0) == 0) return absl::OkStatus();
  return Errno("marking a folder opaque");
}

std::string Join(std::string_view folder, std::string_view name) {
  return folder.empty() ? std::string(name) : StrCat(folder, "/", name);
}

}  // namespace

LayerApplier::LayerApplier(ConfinedFolder root, FolderStack stack, const Limits& limits,
                           UnpackBudget* budget)
    : root_(std::move(root)),
      stack_(std::move(stack)),
      limits_(&limits),
      budget_(budget),
      uid_(geteuid()),
      gid_(getegid()) {
  facts_.implicit_folders.insert("");
}

absl::StatusOr<LayerApplier> LayerApplier::Create(const std::string& folder, const Limits& limits,
                                                  UnpackBudget* budget) {
  ASSIGN_OR_RETURN(ConfinedFolder root, ConfinedFolder::Open(folder));
  if (chmod(folder.c_str(), 0755) != 0) return Errno("chmod of the layer's folder");
  ASSIGN_OR_RETURN(FolderStack stack, FolderStack::Create(root));
  return LayerApplier(std::move(root), std::move(stack), limits, budget);
}

absl::Status LayerApplier::BeginEntry(const TarEntry& entry) {
  current_ = &entry;
  ends_in_hole_ = false;
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
      return ApplyFile(entry, place);
    case TarType::kHardLink:
      return ApplyHardLink(entry, path, place);
    default:
      return ApplyNode(entry, place);
  }
}

absl::Status LayerApplier::EntryData(ByteView data) {
  if (!file_.valid()) return absl::OkStatus();  // a whiteout with bytes in it
  RETURN_IF_ERROR(budget_->DrawContent(data.size()));
  facts_.bytes += data.size();
  ends_in_hole_ = false;
  RETURN_IF_ERROR(WriteAll(file_.get(), data), StrCat("writing '", Printable(current_->path), "'"));
  return absl::OkStatus();
}

absl::Status LayerApplier::EntryHole(uint64_t size) {
  if (!file_.valid()) return absl::OkStatus();
  ends_in_hole_ = true;
  if (lseek(file_.get(), static_cast<off_t>(size), SEEK_CUR) >= 0) return absl::OkStatus();
  return Errno(StrCat("a hole in '", Printable(current_->path), "'"));
}

absl::Status LayerApplier::EndEntry() {
  if (!file_.valid()) return absl::OkStatus();
  absl::Status status = SetFileAttributes();
  file_.Reset();
  if (status.ok()) return status;
  return Annotate(status, StrCat("tar entry '", Printable(current_->path), "'"));
}

absl::StatusOr<LayerFacts> LayerApplier::Finish() {
  RETURN_IF_ERROR(stack_.Finish());
  return std::move(facts_);
}

absl::Status LayerApplier::ApplyWhiteout(const SplitPath& place) {
  const bool opaque = place.name == kOpaque;
  if (!opaque && place.name.starts_with(kAufs)) return absl::OkStatus();  // aufs's own notes
  // Where this layer itself has something else in the place of the folder, what was in it below is
  // hidden already. (umoci writes such whiteouts when a folder becomes a file.)
  absl::Status opened = OpenParent(place.parent, InTheWay::kRefuse);
  if (absl::IsFailedPrecondition(opened) || absl::IsInvalidArgument(opened)) {
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(opened);
  if (opaque) return MakeOpaque(stack_.fd());
  const std::string hidden = place.name.substr(kWhiteout.size());
  if (hidden.empty() || hidden == "." || hidden == "..") {
    return absl::InvalidArgumentError("a whiteout of no file");
  }
  if (mknodat(stack_.fd(), hidden.c_str(), S_IFCHR, makedev(0, 0)) == 0) return absl::OkStatus();
  if (errno != EEXIST) return Errno("mknod");
  // This layer has a file of that name too: it stays, and hides what is below by itself.
  struct stat info;
  if (fstatat(stack_.fd(), hidden.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return Errno("stat");
  if (!S_ISDIR(info.st_mode)) return absl::OkStatus();
  // A folder of this layer in the place of a deleted one: new, as in MakeFolder.
  facts_.implicit_folders.erase(Join(place.parent, hidden));
  RETURN_IF_ERROR(stack_.Enter(hidden));
  return MakeOpaque(stack_.fd());
}

absl::Status LayerApplier::ApplyFolder(const TarEntry& entry, const std::string& path,
                                       const SplitPath& place) {
  if (path.empty()) {
    RETURN_IF_ERROR(OpenParent("", InTheWay::kRefuse));
    facts_.implicit_folders.erase("");
    return SetFolderAttributes(entry, false);
  }
  RETURN_IF_ERROR(OpenParent(place.parent, InTheWay::kReplaceWhiteout));
  const char* name = place.name.c_str();
  bool is_new = mkdirat(stack_.fd(), name, entry.mode & 0777) == 0;
  bool hides = false;
  if (!is_new) {
    if (errno != EEXIST) return Errno("mkdir");
    struct stat info;
    if (fstatat(stack_.fd(), name, &info, AT_SYMLINK_NOFOLLOW) != 0) return Errno("stat");
    if (!S_ISDIR(info.st_mode)) {
      // What hid a folder of a lower layer goes; what was in that one does not come back.
      hides = true;
      RETURN_IF_ERROR(RemoveExisting(place));
      if (mkdirat(stack_.fd(), name, entry.mode & 0777) != 0) return Errno("mkdir");
      is_new = true;
    }
  }
  facts_.implicit_folders.erase(path);
  const bool gives_group = stack_.top().gives_group;
  RETURN_IF_ERROR(stack_.Enter(place.name));
  // What it was made with depends on the folder above it.
  RETURN_IF_ERROR(SetFolderAttributes(entry, is_new && !gives_group));
  return hides ? MakeOpaque(stack_.fd()) : absl::OkStatus();
}

absl::Status LayerApplier::ApplyFile(const TarEntry& entry, const SplitPath& place) {
  RETURN_IF_ERROR(OpenParent(place.parent, InTheWay::kReplaceWhiteout));
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  int fd = openat(stack_.fd(), place.name.c_str(), kFlags, entry.mode & 0777);
  if (fd < 0 && errno == EEXIST) {
    RETURN_IF_ERROR(RemoveExisting(place));
    fd = openat(stack_.fd(), place.name.c_str(), kFlags, entry.mode & 0777);
  }
  if (fd < 0) return Errno("creating the file");
  file_.Reset(fd);
  return looked_ ? absl::OkStatus() : LookAtFirstFile(entry);
}

absl::Status LayerApplier::LookAtFirstFile(const TarEntry& entry) {
  if (!ThreadHasNoUmask() || default_acls_ || stack_.top().gives_group) return absl::OkStatus();
  struct stat info;
  if (fstat(file_.get(), &info) != 0) return Errno("stat");
  looked_ = true;
  plain_maker_ =
      info.st_uid == uid_ && info.st_gid == gid_ && (info.st_mode & 07777) == (entry.mode & 0777);
  return absl::OkStatus();
}

bool LayerApplier::OwnerIsRight(const TarEntry& entry) {
  return plain_maker_ && entry.uid == uid_ && entry.gid == gid_ && !stack_.top().gives_group;
}

bool LayerApplier::ModeIsRight(const TarEntry& entry) const {
  return plain_maker_ && ThreadHasNoUmask() && !default_acls_ && (entry.mode & kSetIdBits) == 0;
}

absl::Status LayerApplier::ApplyHardLink(const TarEntry& entry, const std::string& path,
                                         const SplitPath& place) {
  const std::string shown = StrCat("hard link to '", Printable(entry.link_target), "'");
  ASSIGN_OR_RETURN(std::string target, CanonicalEntryPath(entry.link_target, *limits_), shown);
  if (target.empty()) return absl::InvalidArgumentError(StrCat(shown, ", which is the root"));
  const SplitPath from = SplitEntryPath(target);
  UniqueFd opened;
  int target_parent = stack_.fd();
  if (from.parent != stack_.path()) {
    absl::StatusOr<UniqueFd> found = root_.OpenInside(from.parent, O_PATH | O_DIRECTORY);
    if (absl::IsNotFound(found.status())) {
      RETURN_IF_ERROR(CheckNotHidden(target));
      return LinkOutside(path, std::move(target), place);
    }
    RETURN_IF_ERROR(found.status(), shown);
    opened = *std::move(found);
    target_parent = opened.get();
  } else if (place.parent != from.parent) {
    // The stack moves on below.
    opened.Reset(fcntl(target_parent, F_DUPFD_CLOEXEC, 3));
    target_parent = opened.get();
  }
  struct stat info;
  if (fstatat(target_parent, from.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno != ENOENT) return Errno(shown);
    RETURN_IF_ERROR(CheckNotHidden(target));
    return LinkOutside(path, std::move(target), place);
  }
  if (IsWhiteoutDevice(info)) {
    auto earlier = facts_.outside_links.find(target);
    if (earlier != facts_.outside_links.end()) return LinkOutside(path, earlier->second, place);
  }
  if (S_ISDIR(info.st_mode) || IsWhiteoutDevice(info)) {
    return absl::InvalidArgumentError(StrCat(shown, ", which cannot be linked"));
  }
  RETURN_IF_ERROR(OpenParent(place.parent, InTheWay::kReplaceWhiteout));
  const char* name = place.name.c_str();
  if (linkat(target_parent, from.name.c_str(), stack_.fd(), name, 0) == 0) return absl::OkStatus();
  if (errno != EEXIST) return Errno(shown);
  struct stat present;
  if (fstatat(stack_.fd(), name, &present, AT_SYMLINK_NOFOLLOW) != 0) return Errno("stat");
  if (present.st_ino == info.st_ino && present.st_dev == info.st_dev) return absl::OkStatus();
  RETURN_IF_ERROR(RemoveExisting(place));
  if (linkat(target_parent, from.name.c_str(), stack_.fd(), name, 0) != 0) return Errno(shown);
  return absl::OkStatus();
}

// That no folder on the way to `path` has been made opaque by now. (A link to an earlier link is
// not asked: what that one leads to stays, whatever happens to its other names.)
absl::Status LayerApplier::CheckNotHidden(std::string_view path) const {
  for (size_t end = 0; end != std::string_view::npos; end = path.find('/', end + 1)) {
    absl::StatusOr<UniqueFd> folder =
        root_.OpenInside(std::string(path.substr(0, end)), O_RDONLY | O_DIRECTORY);
    if (absl::IsNotFound(folder.status())) return absl::OkStatus();
    RETURN_IF_ERROR(folder.status());
    char value = 0;
    if (fgetxattr(folder->get(), "trusted.overlay.opaque", &value, 1) != 1) continue;
    return absl::InvalidArgumentError(StrCat("hard link to '", Printable(path),
                                             "', which cannot be linked: this layer deletes it"));
  }
  return absl::OkStatus();
}

absl::Status LayerApplier::LinkOutside(const std::string& path, std::string target,
                                       const SplitPath& place) {
  if (facts_.outside_links.size() >= limits_->max_outside_links) {
    return absl::ResourceExhaustedError(
        StrCat("more than ", limits_->max_outside_links, " hard links to files of lower layers"));
  }
  RETURN_IF_ERROR(OpenParent(place.parent, InTheWay::kReplaceWhiteout));
  RETURN_IF_ERROR(RemoveExisting(place));
  if (mknodat(stack_.fd(), place.name.c_str(), S_IFCHR, makedev(0, 0)) != 0) return Errno("mknod");
  facts_.outside_links[path] = std::move(target);
  return absl::OkStatus();
}

// Symbolic links, devices and fifos.
absl::Status LayerApplier::ApplyNode(const TarEntry& entry, const SplitPath& place) {
  RETURN_IF_ERROR(OpenParent(place.parent, InTheWay::kReplaceWhiteout));
  const char* name = place.name.c_str();
  ASSIGN_OR_RETURN(int result, MakeNode(entry, name));
  if (result != 0 && errno == EEXIST) {
    RETURN_IF_ERROR(RemoveExisting(place));
    ASSIGN_OR_RETURN(result, MakeNode(entry, name));
  }
  if (result != 0) return Errno("creating the entry");
  return SetNodeAttributes(entry, place.name);
}

absl::StatusOr<int> LayerApplier::MakeNode(const TarEntry& entry, const char* name) {
  if (entry.type == TarType::kSymbolicLink) {
    if (entry.link_target.empty() || entry.link_target.size() > limits_->max_path_length) {
      return absl::InvalidArgumentError("a symbolic link to an empty or too long path");
    }
    return symlinkat(entry.link_target.c_str(), stack_.fd(), name);
  }
  const mode_t mode = entry.mode & 0777;
  if (entry.type == TarType::kFifo) return mknodat(stack_.fd(), name, S_IFIFO | mode, 0);
  const bool character = entry.type == TarType::kCharacter;
  const dev_t device = makedev(entry.device_major, entry.device_minor);
  if (character && device == makedev(0, 0)) {
    return absl::InvalidArgumentError("character device 0:0 means a whiteout to overlayfs");
  }
  if (++device_nodes_ > limits_->max_device_nodes) {
    return absl::ResourceExhaustedError(
        StrCat("more than ", limits_->max_device_nodes, " device nodes in one layer"));
  }
  return mknodat(stack_.fd(), name, (character ? S_IFCHR : S_IFBLK) | mode, device);
}

absl::Status LayerApplier::OpenParent(const std::string& parent, InTheWay in_the_way) {
  if (parent == stack_.path()) return absl::OkStatus();
  ASSIGN_OR_RETURN(std::string_view rest, stack_.LeaveFor(parent));
  while (!rest.empty()) {
    const std::string name(rest.substr(0, rest.find('/')));
    absl::Status entered = stack_.Enter(name);
    if (absl::IsNotFound(entered) || absl::IsFailedPrecondition(entered)) {
      entered = MakeFolder(name, in_the_way);
    }
    RETURN_IF_ERROR(entered);
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
  }
  return absl::OkStatus();
}

// In the top folder, where there is none of that name; and enters it.
absl::Status LayerApplier::MakeFolder(const std::string& name, InTheWay in_the_way) {
  struct stat info;
  const bool exists = fstatat(stack_.fd(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0;
  const std::string path = Join(stack_.path(), name);
  if (exists) {
    if (in_the_way == InTheWay::kRefuse || !IsWhiteoutDevice(info)) {
      return absl::FailedPreconditionError(StrCat("'", Printable(path), "' is not a folder"));
    }
    if (unlinkat(stack_.fd(), name.c_str(), 0) != 0) return Errno("unlink");
  }
  // One in the place of a deleted one is new, and has nothing to take from lower layers.
  if (!exists) RETURN_IF_ERROR(RememberImplicit(path));
  if (mkdirat(stack_.fd(), name.c_str(), 0755) != 0) return Errno("mkdir");
  RETURN_IF_ERROR(stack_.Enter(name));
  stack_.top().set_time = false;
  stack_.top().gives_group = false;
  if (default_acls_) RETURN_IF_ERROR(RemoveAcls(stack_.fd()));
  if (fchown(stack_.fd(), uid_, gid_) != 0) return Errno("chown");
  if (fchmod(stack_.fd(), 0755) != 0) return Errno("chmod");
  return exists ? MakeOpaque(stack_.fd()) : absl::OkStatus();
}

absl::Status LayerApplier::RememberImplicit(const std::string& path) {
  implicit_size_ += path.size();
  if (implicit_size_ > limits_->max_implicit_folders) {
    return absl::ResourceExhaustedError(
        StrCat("folders that the layer uses without naming them: their names are over ",
               limits_->max_implicit_folders, " bytes"));
  }
  facts_.implicit_folders.insert(path);
  return absl::OkStatus();
}

absl::Status LayerApplier::RemoveExisting(const SplitPath& place) {
  if (unlinkat(stack_.fd(), place.name.c_str(), 0) == 0 || errno == ENOENT) return absl::OkStatus();
  if (errno != EISDIR) return Errno("replacing an earlier entry");
  const std::string path = Join(place.parent, place.name);
  // No symbolic link on this way: the top folder was opened along it. It stays open and valid
  // itself, as only what is below it goes.
  RETURN_IF_ERROR(RemoveTree(StrCat(root_.path(), "/", path)));
  auto& folders = facts_.implicit_folders;
  folders.erase(path);
  folders.erase(folders.lower_bound(path + "/"), folders.lower_bound(path + "0"));  // '/' + 1
  return absl::OkStatus();
}

absl::Status LayerApplier::SetXattrsOf(const TarEntry& entry, int fd) {
  if (default_acls_) RETURN_IF_ERROR(RemoveAcls(fd));
  if (entry.xattrs.empty()) return absl::OkStatus();
  for (const auto& [name, unused] : entry.xattrs) {
    if (name == kDefaultAcl) default_acls_ = true;
  }
  return SetXattrs(fd, entry.xattrs);
}

absl::Status LayerApplier::SetFolderAttributes(const TarEntry& entry, bool is_new) {
  const int fd = stack_.fd();
  const bool ours = plain_maker_ && entry.uid == uid_ && entry.gid == gid_;
  if (!(is_new && ours) && fchown(fd, entry.uid, entry.gid) != 0) return Errno("chown");
  if (!(is_new && ModeIsRight(entry)) && fchmod(fd, entry.mode) != 0) return Errno("chmod");
  RETURN_IF_ERROR(SetXattrsOf(entry, fd));
  stack_.top().gives_group = (entry.mode & S_ISGID) != 0;
  stack_.top().set_time = true;
  stack_.top().time = Time(entry);
  return absl::OkStatus();
}

absl::Status LayerApplier::SetFileAttributes() {
  const TarEntry& entry = *current_;
  const int fd = file_.get();
  if (ends_in_hole_ && ftruncate(fd, static_cast<off_t>(entry.size)) != 0) return Errno("truncate");
  // The owner first: changing it clears set-id bits and file capabilities.
  if (!OwnerIsRight(entry) && fchown(fd, entry.uid, entry.gid) != 0) return Errno("chown");
  if (default_acls_) RETURN_IF_ERROR(RemoveAcls(fd));
  if (!ModeIsRight(entry) && fchmod(fd, entry.mode) != 0) return Errno("chmod");
  RETURN_IF_ERROR(SetXattrsOf(entry, fd));
  const timespec times[2] = {Time(entry), Time(entry)};
  return futimens(fd, times) == 0 ? absl::OkStatus() : Errno("setting the time");
}

absl::Status LayerApplier::SetNodeAttributes(const TarEntry& entry, const std::string& name) {
  const int parent = stack_.fd();
  if (!OwnerIsRight(entry) &&
      fchownat(parent, name.c_str(), entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW) != 0) {
    return Errno("chown");
  }
  // A symbolic link has no mode of its own.
  const bool link = entry.type == TarType::kSymbolicLink;
  if (!link && default_acls_) RETURN_IF_ERROR(RemoveAclsAt(parent, name));
  if (!link && !ModeIsRight(entry) && fchmodat(parent, name.c_str(), entry.mode, 0) != 0) {
    return Errno("chmod");
  }
  RETURN_IF_ERROR(SetXattrsAt(parent, name, entry.xattrs));
  const timespec times[2] = {Time(entry), Time(entry)};
  if (utimensat(parent, name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0) {
    return Errno("setting the time");
  }
  return absl::OkStatus();
}

}  // namespace nacre::image
