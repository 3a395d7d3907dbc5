#include "image-rs-cpp/erofs/verity_tree.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace nacre::image::erofs {
namespace {

constexpr size_t kHashSize = 32;

void Append(Bytes* to, ByteView bytes) { to->insert(to->end(), bytes.begin(), bytes.end()); }

void PadToBlock(Bytes* bytes) {
  bytes->resize((bytes->size() + kVolumeBlock - 1) / kVolumeBlock * kVolumeBlock);
}

}  // namespace

VerityTree::VerityTree(LayerVolume* volume, std::string salt)
    : volume_(volume),
      salt_(std::move(salt)),
      hasher_(crypto::HashAlgorithm::kSha256),
      leaf_(kHashSize) {
  leaf_.reserve(kVolumeBlock);
}

Bytes VerityTree::Hash(ByteView block) {
  hasher_.Update(AsBytes(salt_));
  hasher_.Update(block);
  return hasher_.Finish();
}

Bytes VerityTree::HashEach(ByteView blocks) {
  Bytes hashes;
  for (; !blocks.empty(); blocks = blocks.subspan(kVolumeBlock)) {
    Append(&hashes, Hash(blocks.first(kVolumeBlock)));
  }
  return hashes;
}

absl::Status VerityTree::Add(ByteView blocks) {
  for (; !blocks.empty(); blocks = blocks.subspan(kVolumeBlock)) {
    Append(&leaf_, Hash(blocks.first(kVolumeBlock)));
    ++data_blocks_;
    if (leaf_.size() == kVolumeBlock) RETURN_IF_ERROR(EndLeaf());
  }
  return absl::OkStatus();
}

absl::Status VerityTree::EndLeaf() {
  PadToBlock(&leaf_);
  if (leaf_blocks_ == 0) {
    first_leaf_ = leaf_;
    inner_.resize(kHashSize);
  } else {
    RETURN_IF_ERROR(volume_->Write(VolumePart::kLeafHashes, leaf_blocks_, leaf_));
    Append(&inner_, Hash(leaf_));
  }
  ++leaf_blocks_;
  leaf_.clear();
  return absl::OkStatus();
}

// Leaves the root in inner_.
absl::StatusOr<uint64_t> VerityTree::WriteInner() {
  std::vector<Bytes> levels;  // lowest first
  while (inner_.size() > kHashSize) {
    PadToBlock(&inner_);
    Bytes above = HashEach(inner_);
    levels.push_back(std::exchange(inner_, std::move(above)));
  }
  uint64_t blocks = 0;
  for (auto level = levels.rbegin(); level != levels.rend(); ++level) {
    RETURN_IF_ERROR(volume_->Write(VolumePart::kInnerHashes, blocks, *level));
    blocks += level->size() / kVolumeBlock;
  }
  return blocks;
}

absl::StatusOr<VerityRoot> VerityTree::Finish(ByteView first_block) {
  VerityRoot root;
  root.salt = salt_;
  root.data_blocks = data_blocks_;
  const Bytes first = Hash(first_block);
  if (data_blocks_ == 1) {  // then there is nothing above it
    root.hash = ToString(first);
    return root;
  }
  if (!leaf_.empty()) RETURN_IF_ERROR(EndLeaf());
  std::copy(first.begin(), first.end(), first_leaf_.begin());
  const Bytes hash = Hash(first_leaf_);
  std::copy(hash.begin(), hash.end(), inner_.begin());
  ASSIGN_OR_RETURN(root.inner_blocks, WriteInner());
  RETURN_IF_ERROR(volume_->Write(VolumePart::kLeafHashes, 0, first_leaf_));
  root.leaf_blocks = leaf_blocks_;
  root.hash = ToString(inner_);
  return root;
}

}  // namespace nacre::image::erofs
