// Each entry is put into the top folder of the stack, which openat2 has opened without crossing a
// symbolic link, by a last name with no slash in it, using calls that do not follow a link in that
// name. Nobody else writes to the folder, so what we made a moment ago is what is there.
//
// A layer is mostly small files, so what each of them costs decides: open, write, set the time and
// close. Owner and mode are right from the start when they are ours and the thread has no umask;
// that file systems really make files so (and not, say, with their folder's group) is looked at
// once per layer.
#include "image-rs-cpp/unpack/folder_tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>

#include "base/file.h"
#include "base/strings.h"
#include "image-rs-cpp/unpack/thread_umask.h"
#include "image-rs-cpp/unpack/xattrs.h"

namespace nacre::image {
namespace {

constexpr uint32_t kSetIdBits = 07000;  // and sticky: set apart from making

Found KindOf(const struct stat& info) {
  if (S_ISDIR(info.st_mode)) return Found::kFolder;
  const bool whiteout = S_ISCHR(info.st_mode) && info.st_rdev == makedev(0, 0);
  return whiteout ? Found::kWhiteout : Found::kOther;
}

timespec Time(const TarEntry& entry) {
  return {static_cast<time_t>(entry.mtime_seconds), static_cast<long>(entry.mtime_nanoseconds)};
}

absl::Status Errno(std::string_view call) { return ErrnoStatus(errno, call); }

// Of a call that makes a name.
absl::StatusOr<bool> Made(int result, std::string_view call) {
  if (result == 0) return true;
  if (errno == EEXIST) return false;
  return Errno(call);
}

}  // namespace

FolderTree::FolderTree(ConfinedFolder root, FolderStack stack)
    : root_(std::move(root)), stack_(std::move(stack)), uid_(geteuid()), gid_(getegid()) {}

absl::StatusOr<std::unique_ptr<FolderTree>> FolderTree::Create(const std::string& folder) {
  ASSIGN_OR_RETURN(ConfinedFolder root, ConfinedFolder::Open(folder));
  if (chmod(folder.c_str(), 0755) != 0) return Errno("chmod of the layer's folder");
  ASSIGN_OR_RETURN(FolderStack stack, FolderStack::Create(root));
  return std::unique_ptr<FolderTree>(new FolderTree(std::move(root), std::move(stack)));
}

absl::StatusOr<Found> FolderTree::Look(const std::string& name) {
  struct stat info;
  if (fstatat(stack_.fd(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) return KindOf(info);
  if (errno == ENOENT) return Found::kNothing;
  return Errno("stat");
}

absl::StatusOr<bool> FolderTree::MakeFolder(const TarEntry& entry, const std::string& name) {
  return Made(mkdirat(stack_.fd(), name.c_str(), entry.mode & 0777), "mkdir");
}

absl::Status FolderTree::MakeStandIn(const std::string& name) {
  if (mkdirat(stack_.fd(), name.c_str(), 0755) != 0) return Errno("mkdir");
  RETURN_IF_ERROR(stack_.Enter(name));
  stack_.top().set_time = false;
  stack_.top().gives_group = false;
  if (default_acls_) RETURN_IF_ERROR(RemoveAcls(stack_.fd()));
  if (fchown(stack_.fd(), uid_, gid_) != 0) return Errno("chown");
  return fchmod(stack_.fd(), 0755) == 0 ? absl::OkStatus() : Errno("chmod");
}

absl::Status FolderTree::SetFolderAttributes(const TarEntry& entry, bool is_new) {
  const int fd = stack_.fd();
  // What it was made with depends on the folder above it.
  const bool as_made = is_new && !stack_.above().gives_group;
  const bool ours = plain_maker_ && entry.uid == uid_ && entry.gid == gid_;
  if (!(as_made && ours) && fchown(fd, entry.uid, entry.gid) != 0) return Errno("chown");
  if (!is_new) RETURN_IF_ERROR(RemoveAcls(fd));
  if (!(as_made && ModeIsRight(entry)) && fchmod(fd, entry.mode) != 0) return Errno("chmod");
  RETURN_IF_ERROR(SetXattrsOf(entry, fd));
  stack_.top().gives_group = (entry.mode & S_ISGID) != 0;
  stack_.top().set_time = true;
  stack_.top().time = Time(entry);
  return absl::OkStatus();
}

absl::Status FolderTree::MakeOpaque() {
  if (fsetxattr(stack_.fd(), kOpaqueXattr.data(), "y", 1, 0) == 0) return absl::OkStatus();
  return Errno("marking a folder opaque");
}

absl::StatusOr<bool> FolderTree::MakeWhiteout(const std::string& name) {
  return Made(mknodat(stack_.fd(), name.c_str(), S_IFCHR, makedev(0, 0)), "mknod");
}

absl::StatusOr<bool> FolderTree::MakeNode(const TarEntry& entry, const std::string& name) {
  const mode_t mode = entry.mode & 0777;
  int result = 0;
  if (entry.type == TarType::kSymbolicLink) {
    result = symlinkat(entry.link_target.c_str(), stack_.fd(), name.c_str());
  } else if (entry.type == TarType::kFifo) {
    result = mknodat(stack_.fd(), name.c_str(), S_IFIFO | mode, 0);
  } else {
    const mode_t type = entry.type == TarType::kCharacter ? S_IFCHR : S_IFBLK;
    result = mknodat(stack_.fd(), name.c_str(), type | mode,
                     makedev(entry.device_major, entry.device_minor));
  }
  ASSIGN_OR_RETURN(const bool made, Made(result, "creating the entry"));
  if (made) RETURN_IF_ERROR(SetNodeAttributes(entry, name));
  return made;
}

absl::StatusOr<bool> FolderTree::Remove(const SplitPath& place) {
  if (unlinkat(stack_.fd(), place.name.c_str(), 0) == 0 || errno == ENOENT) return false;
  if (errno != EISDIR) return Errno("replacing an earlier entry");
  // No symbolic link on this way: the top folder was opened along it. It stays open and valid
  // itself, as only what is below it goes.
  RETURN_IF_ERROR(RemoveTree(StrCat(root_.path(), "/", place.parent, "/", place.name)));
  return true;
}

absl::StatusOr<bool> FolderTree::BeginFile(const TarEntry& entry, const std::string& name) {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  const int fd = openat(stack_.fd(), name.c_str(), kFlags, entry.mode & 0777);
  ASSIGN_OR_RETURN(const bool made, Made(fd < 0 ? fd : 0, "creating the file"));
  if (!made) return false;
  current_ = &entry;
  file_.Reset(fd);
  ends_in_hole_ = false;
  if (!looked_) RETURN_IF_ERROR(LookAtFirstFile(entry));
  return true;
}

absl::Status FolderTree::FileData(ByteView data) {
  ends_in_hole_ = false;
  return WriteAll(file_.get(), data);
}

absl::Status FolderTree::FileHole(uint64_t size) {
  ends_in_hole_ = true;
  if (lseek(file_.get(), static_cast<off_t>(size), SEEK_CUR) >= 0) return absl::OkStatus();
  return Errno("a hole");
}

absl::Status FolderTree::EndFile() {
  absl::Status status = SetFileAttributes();
  file_.Reset();
  return status;
}

absl::StatusOr<Found> FolderTree::FindLinkTarget(const SplitPath& target, bool here) {
  if (here) {
    // The stack may move on before the link is made.
    found_folder_.Reset(fcntl(stack_.fd(), F_DUPFD_CLOEXEC, 3));
    if (!found_folder_.valid()) return Errno("dup");
  } else {
    ASSIGN_OR_RETURN(found_folder_, root_.OpenInside(target.parent, O_PATH | O_DIRECTORY));
  }
  found_name_ = target.name;
  struct stat info;
  if (fstatat(found_folder_.get(), found_name_.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    return errno == ENOENT ? absl::StatusOr<Found>(Found::kNothing) : Errno("stat");
  }
  found_device_ = info.st_dev;
  found_inode_ = info.st_ino;
  return KindOf(info);
}

absl::StatusOr<bool> FolderTree::LinkFound(const std::string& name) {
  ASSIGN_OR_RETURN(
      const bool made,
      Made(linkat(found_folder_.get(), found_name_.c_str(), stack_.fd(), name.c_str(), 0), "link"));
  if (made) return true;
  struct stat present;
  if (fstatat(stack_.fd(), name.c_str(), &present, AT_SYMLINK_NOFOLLOW) != 0) return Errno("stat");
  return present.st_ino == found_inode_ && present.st_dev == found_device_;
}

absl::StatusOr<bool> FolderTree::IsOpaque(const std::string& path) {
  ASSIGN_OR_RETURN(const UniqueFd folder, root_.OpenInside(path, O_RDONLY | O_DIRECTORY));
  char value = 0;
  return fgetxattr(folder.get(), kOpaqueXattr.data(), &value, 1) == 1;
}

absl::Status FolderTree::LookAtFirstFile(const TarEntry& entry) {
  if (!ThreadHasNoUmask() || default_acls_ || stack_.top().gives_group) return absl::OkStatus();
  struct stat info;
  if (fstat(file_.get(), &info) != 0) return Errno("stat");
  looked_ = true;
  plain_maker_ =
      info.st_uid == uid_ && info.st_gid == gid_ && (info.st_mode & 07777) == (entry.mode & 0777);
  return absl::OkStatus();
}

bool FolderTree::OwnerIsRight(const TarEntry& entry) {
  return plain_maker_ && entry.uid == uid_ && entry.gid == gid_ && !stack_.top().gives_group;
}

bool FolderTree::ModeIsRight(const TarEntry& entry) const {
  return plain_maker_ && ThreadHasNoUmask() && !default_acls_ && (entry.mode & kSetIdBits) == 0;
}

absl::Status FolderTree::SetXattrsOf(const TarEntry& entry, int fd) {
  if (default_acls_) RETURN_IF_ERROR(RemoveAcls(fd));
  if (entry.xattrs.empty()) return absl::OkStatus();
  for (const auto& [name, unused] : entry.xattrs) {
    if (name == kDefaultAcl) default_acls_ = true;
  }
  return SetXattrs(fd, entry.xattrs);
}

absl::Status FolderTree::SetFileAttributes() {
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

absl::Status FolderTree::SetNodeAttributes(const TarEntry& entry, const std::string& name) {
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
