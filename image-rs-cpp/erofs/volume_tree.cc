#include "image-rs-cpp/erofs/volume_tree.h"

#include <sys/stat.h>

#include <ctime>

#include "base/strings.h"
#include "image-rs-cpp/erofs/entry_inode.h"
#include "image-rs-cpp/erofs/format.h"
#include "image-rs-cpp/erofs/image_writer.h"
#include "image-rs-cpp/printable.h"

namespace nacre::image::erofs {

VolumeTree::VolumeTree(LayerVolume* volume, uint64_t max_memory)
    : out_(volume), content_(&out_), tree_(max_memory), now_(std::time(nullptr)) {
  tree_.inode(kRoot).mtime_seconds = now_;
}

Found VolumeTree::KindOf(InodeId id) const {
  if (id == kNoInode) return Found::kNothing;
  const Inode& inode = tree_.inode(id);
  if (S_ISDIR(inode.mode)) return Found::kFolder;
  return S_ISCHR(inode.mode) && inode.place == 0 ? Found::kWhiteout : Found::kOther;
}

absl::StatusOr<InodeId> VolumeTree::FolderIn(InodeId folder, std::string_view name,
                                             std::string_view shown) const {
  const InodeId id = tree_.Find(folder, name);
  if (id == kNoInode) return absl::NotFoundError(StrCat("'", Printable(shown), "' is not there"));
  if (S_ISLNK(tree_.inode(id).mode)) return OverALink(shown);
  if (!S_ISDIR(tree_.inode(id).mode)) return NotAFolder(shown);
  return id;
}

absl::StatusOr<InodeId> VolumeTree::FolderAt(const std::string& path) const {
  InodeId folder = kRoot;
  if (path.empty()) return folder;
  for (const std::string_view name : StrSplit(path, '/')) {
    ASSIGN_OR_RETURN(folder, FolderIn(folder, name, path));
  }
  return folder;
}

absl::Status VolumeTree::Enter(const std::string& name) {
  ASSIGN_OR_RETURN(const InodeId folder, FolderIn(here(), name, name));
  folders_.push_back(folder);
  return absl::OkStatus();
}

absl::Status VolumeTree::Leave() {
  folders_.pop_back();
  return absl::OkStatus();
}

absl::StatusOr<Found> VolumeTree::Look(const std::string& name) {
  return KindOf(tree_.Find(here(), name));
}

// kNoInode when the name is taken.
absl::StatusOr<InodeId> VolumeTree::Add(const std::string& name, Inode inode) {
  if (tree_.Find(here(), name) != kNoInode) return kNoInode;
  ASSIGN_OR_RETURN(const InodeId id, tree_.AddInode(std::move(inode)));
  RETURN_IF_ERROR(tree_.Put(here(), name, id));
  return id;
}

absl::StatusOr<bool> VolumeTree::MakeFolder(const TarEntry&, const std::string& name) {
  Inode folder;
  folder.mode = S_IFDIR | 0755;
  folder.mtime_seconds = now_;
  ASSIGN_OR_RETURN(const InodeId id, Add(name, std::move(folder)));
  return id != kNoInode;
}

absl::Status VolumeTree::MakeStandIn(const std::string& name) {
  RETURN_IF_ERROR(MakeFolder({}, name).status());
  return Enter(name);
}

absl::Status VolumeTree::SetFolderAttributes(const TarEntry& entry, bool) {
  Inode& folder = tree_.inode(here());
  RETURN_IF_ERROR(SetAttributes(entry, &folder));
  return tree_.Charge(MemoryOf(entry));
}

absl::Status VolumeTree::MakeOpaque() {
  SetXattr(kOpaqueXattr, "y", &tree_.inode(here()).Extra().xattrs);
  return tree_.Charge(sizeof(InodeExtra));
}

absl::StatusOr<bool> VolumeTree::IsOpaque(const std::string& path) {
  ASSIGN_OR_RETURN(const InodeId folder, FolderAt(path));
  const Inode& inode = tree_.inode(folder);
  if (inode.extra == nullptr) return false;
  for (const auto& [name, value] : inode.extra->xattrs) {
    if (name == kOpaqueXattr) return true;
  }
  return false;
}

absl::StatusOr<bool> VolumeTree::MakeWhiteout(const std::string& name) {
  Inode whiteout;
  whiteout.mode = S_IFCHR;
  whiteout.mtime_seconds = now_;
  ASSIGN_OR_RETURN(const InodeId id, Add(name, std::move(whiteout)));
  return id != kNoInode;
}

absl::StatusOr<bool> VolumeTree::MakeNode(const TarEntry& entry, const std::string& name) {
  Inode node;
  switch (entry.type) {
    case TarType::kSymbolicLink:
      node.mode = S_IFLNK;
      node.Extra().link_target = entry.link_target;
      break;
    case TarType::kFifo:
      node.mode = S_IFIFO;
      break;
    default:
      node.mode = entry.type == TarType::kCharacter ? S_IFCHR : S_IFBLK;
      node.place = DeviceNumber(entry.device_major, entry.device_minor);
  }
  RETURN_IF_ERROR(SetAttributes(entry, &node));
  ASSIGN_OR_RETURN(const InodeId id, Add(name, std::move(node)));
  return id != kNoInode;
}

absl::StatusOr<bool> VolumeTree::Remove(const SplitPath& place) {
  const bool folder = KindOf(tree_.Find(here(), place.name)) == Found::kFolder;
  tree_.Remove(here(), place.name);
  return folder;
}

absl::StatusOr<bool> VolumeTree::BeginFile(const TarEntry& entry, const std::string& name) {
  Inode file;
  file.mode = S_IFREG;
  RETURN_IF_ERROR(SetAttributes(entry, &file));
  ASSIGN_OR_RETURN(file_, Add(name, std::move(file)));
  if (file_ == kNoInode) return false;
  content_.Begin(entry.size);
  return true;
}

absl::Status VolumeTree::EndFile() {
  Inode& file = tree_.inode(file_);
  RETURN_IF_ERROR(content_.End(&file));
  if (file.extra == nullptr) return absl::OkStatus();
  return tree_.Charge(sizeof(InodeExtra) + file.extra->runs.size() * sizeof(ChunkRun));
}

absl::StatusOr<Found> VolumeTree::FindLinkTarget(const SplitPath& target, bool is_here) {
  InodeId folder = here();
  if (!is_here) {
    ASSIGN_OR_RETURN(folder, FolderAt(target.parent));
  }
  found_ = tree_.Find(folder, target.name);
  return KindOf(found_);
}

absl::StatusOr<bool> VolumeTree::LinkFound(const std::string& name) {
  const InodeId present = tree_.Find(here(), name);
  if (present != kNoInode) return present == found_;
  RETURN_IF_ERROR(tree_.Put(here(), name, found_));
  return true;
}

absl::Status VolumeTree::Finish() {
  ASSIGN_OR_RETURN(root_, WriteImage(&tree_, &out_));
  return absl::OkStatus();
}

}  // namespace nacre::image::erofs
