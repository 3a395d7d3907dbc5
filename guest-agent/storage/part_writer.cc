// A volume does not know how large it becomes, and others grow beside it. It takes as much of the
// disk at a time as it has already, from 256 KiB up to 16 MiB, so that a small layer holds little
// that it does not need, and a layer of gigabytes is hundreds of runs and not a million. Of a disk
// that is nearly full it takes a sixteenth of what is left: else the last ones to grow would find
// no room beside what others only might need.
#include "guest-agent/storage/part_writer.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/strings.h"
#include "image-rs-cpp/store/layer_volume.h"

namespace nacre::guest_agent {

using image::kVolumeBlock;

namespace {

constexpr uint64_t kSmallestRun = 64;
constexpr uint64_t kLargestRun = 4096;

}  // namespace

PartWriter::PartWriter(BlockAllocator* allocator, int disk, const Options& options)
    : allocator_(allocator),
      disk_(disk),
      options_(options),
      next_(options.first_comes_last ? 1 : 0),
      first_missing_(options.first_comes_last) {}

PartWriter::~PartWriter() { GiveBackFrom(0); }

absl::Status PartWriter::Write(uint64_t block, ByteView bytes) {
  if (bytes.empty() || bytes.size() % kVolumeBlock != 0)
    return absl::InvalidArgumentError(StrCat("volume: ", bytes.size(), " bytes are no blocks"));
  const bool first = block == 0 && first_missing_;
  const uint64_t rest = first ? 1 : block;
  if (rest != next_ && !(first && bytes.size() == kVolumeBlock))
    return absl::FailedPreconditionError(
        StrCat("volume: block ", rest, " came where ", next_, " was to come"));
  RETURN_IF_ERROR(Reserve(block + bytes.size() / kVolumeBlock));
  if (!first) return Append(bytes);
  RETURN_IF_ERROR(WriteFirst(bytes.first(kVolumeBlock)));
  return Append(bytes.subspan(kVolumeBlock));
}

absl::StatusOr<PartWriter::Buffer> PartWriter::Aligned(size_t size) {
  Buffer buffer(static_cast<uint8_t*>(std::aligned_alloc(kVolumeBlock, size)));
  if (buffer == nullptr) return absl::InternalError("volume: no memory");
  return buffer;
}

absl::Status PartWriter::Append(ByteView bytes) {
  const size_t size = options_.buffer_blocks * kVolumeBlock;
  if (buffer_ == nullptr) {
    ASSIGN_OR_RETURN(buffer_, Aligned(size));
  }
  while (!bytes.empty()) {
    const size_t now = std::min(bytes.size(), size - filled_);
    std::memcpy(buffer_.get() + filled_, bytes.data(), now);
    filled_ += now;
    next_ += now / kVolumeBlock;
    bytes = bytes.subspan(now);
    if (filled_ == size) RETURN_IF_ERROR(Flush());
  }
  return absl::OkStatus();
}

absl::Status PartWriter::WriteFirst(ByteView bytes) {
  ASSIGN_OR_RETURN(const Buffer aligned, Aligned(kVolumeBlock));
  std::memcpy(aligned.get(), bytes.data(), kVolumeBlock);
  RETURN_IF_ERROR(WriteAt(0, {aligned.get(), kVolumeBlock}));
  first_missing_ = false;
  return absl::OkStatus();
}

absl::Status PartWriter::Flush() {
  const ByteView bytes(buffer_.get(), filled_);
  filled_ = 0;
  if (bytes.empty()) return absl::OkStatus();
  return WriteAt(next_ - bytes.size() / kVolumeBlock, bytes);
}

absl::Status PartWriter::WriteAt(uint64_t block, ByteView aligned) {
  while (!aligned.empty()) {
    const Extent place = Place(block, aligned.size() / kVolumeBlock);
    const ssize_t wrote = pwrite(disk_, aligned.data(), place.blocks * kVolumeBlock,
                                 static_cast<off_t>(place.start * kVolumeBlock));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return absl::InternalError(StrCat("scratch disk: writing: ", strerror(errno)));
    if (wrote == 0 || wrote % kVolumeBlock != 0)
      return absl::DataLossError("scratch disk: it took a part of a block");
    block += wrote / kVolumeBlock;
    aligned = aligned.subspan(wrote);
  }
  return absl::OkStatus();
}

absl::Status PartWriter::Reserve(uint64_t blocks) {
  while (reserved_ < blocks) {
    const uint64_t fair = std::max(blocks - reserved_, allocator_->free() / 16);
    const uint64_t wanted = std::min(std::clamp(reserved_, kSmallestRun, kLargestRun), fair);
    ASSIGN_OR_RETURN(const Extent run,
                     allocator_->Take(wanted, extents_.empty() ? 0 : extents_.back().end()));
    guest_agent::Append(run, &extents_);
    reserved_ += run.blocks;
  }
  return absl::OkStatus();
}

// Blocks come in order, but for the first: nearly always the place is in the last extent.
Extent PartWriter::Place(uint64_t block, uint64_t most) const {
  uint64_t end = reserved_;
  for (auto extent = extents_.rbegin();; ++extent) {
    const uint64_t start = end - extent->blocks;
    if (block >= start) return Extent{extent->start + (block - start), std::min(most, end - block)};
    end = start;
  }
}

absl::StatusOr<std::vector<Extent>> PartWriter::Finish(uint64_t blocks) {
  RETURN_IF_ERROR(Flush());
  buffer_.reset();
  const uint64_t written = first_missing_ ? 0 : next_;
  if (written != blocks || (first_missing_ && next_ != 1))
    return absl::FailedPreconditionError(
        StrCat("volume: ", blocks, " blocks were to come, ", written, " came"));
  GiveBackFrom(blocks);
  reserved_ = 0;
  return std::move(extents_);
}

void PartWriter::GiveBackFrom(uint64_t block) {
  while (reserved_ > block) {
    Extent& last = extents_.back();
    const uint64_t back = std::min(last.blocks, reserved_ - block);
    allocator_->Give({last.end() - back, back});
    last.blocks -= back;
    reserved_ -= back;
    if (last.blocks == 0) extents_.pop_back();
  }
}

}  // namespace nacre::guest_agent
