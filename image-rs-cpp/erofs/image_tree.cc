#include "image-rs-cpp/erofs/image_tree.h"

#include <sys/stat.h>

#include <cstring>

#include "base/strings.h"

namespace nacre::image::erofs {
namespace {

constexpr size_t kTexts = 64 << 10;

uint64_t SizeOf(const InodeExtra& extra) {
  uint64_t size = sizeof extra + extra.link_target.capacity();
  for (const auto& [name, value] : extra.xattrs) size += 64 + name.capacity() + value.capacity();
  return size + extra.runs.capacity() * sizeof(ChunkRun);
}

}  // namespace

ImageTree::ImageTree(uint64_t max_memory) : max_memory_(max_memory), names_(Less{&all_names_}) {
  Inode root;
  root.mode = S_IFDIR | 0755;
  inodes_.push_back(std::move(root));
}

absl::Status ImageTree::Charge(uint64_t bytes) {
  if (bytes > max_memory_ - memory_) {
    return absl::ResourceExhaustedError(
        StrCat("the layer's names and attributes take more memory than allowed: ", max_memory_));
  }
  memory_ += bytes;
  return absl::OkStatus();
}

absl::StatusOr<InodeId> ImageTree::AddInode(Inode inode) {
  const uint64_t extra = inode.extra == nullptr ? 0 : SizeOf(*inode.extra);
  RETURN_IF_ERROR(Charge(sizeof(Inode) + extra));
  inodes_.push_back(std::move(inode));
  return static_cast<InodeId>(inodes_.size() - 1);
}

bool ImageTree::IsFolder(InodeId id) const { return S_ISDIR(inodes_[id].mode); }

InodeId ImageTree::Find(InodeId folder, std::string_view name) const {
  const auto found = names_.find(Key{folder, name});
  return found == names_.end() ? kNoInode : all_names_[*found].inode;
}

std::string_view ImageTree::Keep(std::string_view name) {
  if (texts_.empty() || name.size() > kTexts - text_used_) {
    texts_.push_back(std::make_unique<char[]>(kTexts));
    text_used_ = 0;
  }
  char* const at = texts_.back().get() + text_used_;
  std::memcpy(at, name.data(), name.size());
  text_used_ += name.size();
  return {at, name.size()};
}

absl::Status ImageTree::Put(InodeId folder, std::string_view name, InodeId inode) {
  const auto found = names_.find(Key{folder, name});
  if (found != names_.end()) {
    all_names_[*found].inode = inode;
    return absl::OkStatus();
  }
  if (name.empty() || name.size() > UINT8_MAX) {
    return absl::InvalidArgumentError("a name must have 1 to 255 bytes");
  }
  RETURN_IF_ERROR(Charge(sizeof(Name) + 2 * sizeof(uint32_t) + name.size()));
  const std::string_view kept = Keep(name);
  all_names_.push_back({kept.data(), folder, inode, static_cast<uint8_t>(kept.size())});
  names_.insert(static_cast<uint32_t>(all_names_.size() - 1));
  return absl::OkStatus();
}

void ImageTree::Remove(InodeId folder, std::string_view name) {
  const auto found = names_.find(Key{folder, name});
  if (found != names_.end()) all_names_[*found].inode = kNoInode;
}

}  // namespace nacre::image::erofs
