// Small files meet in the buffer, so that a thousand of them are one write. Large ones go past it:
// what completes the block begun before is copied, and the whole blocks after that are not.
#include "image-rs-cpp/erofs/volume_writer.h"

#include <algorithm>

#include "base/strings.h"
#include "crypto/random.h"
#include "image-rs-cpp/erofs/format.h"

namespace nacre::image::erofs {
namespace {

constexpr size_t kBuffer = 512 << 10;
constexpr size_t kPassedBy = 64 << 10;  // from this size on

size_t ToBlock(size_t size) { return (kVolumeBlock - size % kVolumeBlock) % kVolumeBlock; }

}  // namespace

VolumeWriter::VolumeWriter(LayerVolume* volume)
    : volume_(volume), tree_(volume, ToString(crypto::RandomBytes(32))) {
  buffer_.reserve(kBuffer);
}

absl::Status VolumeWriter::WriteBlocks(ByteView blocks) {
  if (blocks.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(tree_.Add(blocks));
  RETURN_IF_ERROR(volume_->Write(VolumePart::kData, written_ / kVolumeBlock, blocks));
  written_ += blocks.size();
  return absl::OkStatus();
}

// All whole blocks of the buffer.
absl::Status VolumeWriter::Flush() {
  const size_t rest = buffer_.size() % kVolumeBlock;
  RETURN_IF_ERROR(WriteBlocks(ByteView(buffer_).first(buffer_.size() - rest)));
  buffer_.erase(buffer_.begin(), buffer_.end() - static_cast<ptrdiff_t>(rest));
  return absl::OkStatus();
}

absl::Status VolumeWriter::Append(ByteView data) {
  constexpr uint64_t kMost = kMaxBlocks * kVolumeBlock;
  if (data.size() > kMost - std::min(kMost, position_)) {
    return absl::ResourceExhaustedError(
        StrCat("a layer of more than ", kMost, " bytes does not fit into one volume"));
  }
  position_ += data.size();
  while (!data.empty()) {
    const bool large = data.size() >= kPassedBy;
    const size_t room = large ? ToBlock(buffer_.size()) : kBuffer - buffer_.size();
    const ByteView copied = data.first(std::min(room, data.size()));
    buffer_.insert(buffer_.end(), copied.begin(), copied.end());
    data = data.subspan(copied.size());
    if (!large && buffer_.size() < kBuffer) continue;
    RETURN_IF_ERROR(Flush());
    if (!large) continue;
    const ByteView whole = data.first(data.size() - data.size() % kVolumeBlock);
    RETURN_IF_ERROR(WriteBlocks(whole));
    data = data.subspan(whole.size());
  }
  return absl::OkStatus();
}

absl::Status VolumeWriter::AppendZeros(uint64_t count) {
  static const Bytes zeros(kBuffer);
  while (count > 0) {
    const size_t part = static_cast<size_t>(std::min<uint64_t>(count, zeros.size()));
    RETURN_IF_ERROR(Append(ByteView(zeros).first(part)));
    count -= part;
  }
  return absl::OkStatus();
}

absl::Status VolumeWriter::PadToBlock() { return AppendZeros(ToBlock(position_)); }

absl::StatusOr<VerityRoot> VolumeWriter::Finish(ByteView first_block) {
  RETURN_IF_ERROR(PadToBlock());
  RETURN_IF_ERROR(Flush());
  ASSIGN_OR_RETURN(VerityRoot root, tree_.Finish(first_block));
  RETURN_IF_ERROR(volume_->Write(VolumePart::kData, 0, first_block));
  return root;
}

}  // namespace nacre::image::erofs
