#include "image-rs-cpp/erofs/file_content.h"

#include <algorithm>

namespace nacre::image::erofs {
namespace {

constexpr uint64_t kMostChunks = 256 << 10;

}  // namespace

void FileContent::Begin(uint64_t size) {
  chunk_bits_ = 0;
  while ((size - 1) / ChunkSize() >= kMostChunks && size > 0) ++chunk_bits_;
  at_ = hole_ = run_start_ = 0;
  chunked_ = false;
  run_block_ = out_->block();
  runs_.clear();
}

absl::Status FileContent::Data(ByteView data) {
  if (data.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(EndHole(false));
  at_ += data.size();
  return out_->Append(data);
}

absl::Status FileContent::Hole(uint64_t size) {
  hole_ += size;
  return absl::OkStatus();
}

absl::Status FileContent::Zeros(uint64_t count) {
  filler_ += count;
  at_ += count;
  return out_->AppendZeros(count);
}

// Zeros up to a chunk's start, chunks left out, zeros again.
absl::Status FileContent::EndHole(bool last) {
  if (hole_ == 0) return absl::OkStatus();
  const uint64_t size = ChunkSize(), end = at_ + hole_;
  const uint64_t first = (at_ + size - 1) / size * size;
  const uint64_t after = last ? end : end / size * size;  // the file's last chunk may be short
  hole_ = 0;
  if (first >= after) return Zeros(end - at_);
  RETURN_IF_ERROR(Zeros(first - at_));
  EndRun();
  chunked_ = true;
  run_start_ = at_ = after;
  run_block_ = out_->block();
  return Zeros(end - after);
}

void FileContent::EndRun() {
  if (at_ == run_start_) return;
  ChunkRun run;
  run.chunk = static_cast<uint32_t>(run_start_ / ChunkSize());
  run.count = static_cast<uint32_t>((at_ - run_start_ + ChunkSize() - 1) / ChunkSize());
  run.block = run_block_;
  runs_.push_back(run);
}

absl::Status FileContent::End(Inode* inode) {
  const uint32_t first_block = run_block_;
  RETURN_IF_ERROR(EndHole(true));
  RETURN_IF_ERROR(out_->PadToBlock());
  inode->size = at_;
  inode->place = at_ == 0 ? 0 : first_block;
  if (!chunked_) return absl::OkStatus();
  EndRun();
  InodeExtra& extra = inode->Extra();
  extra.chunked = true;
  filler_ += sizeof(uint32_t) * ((at_ + ChunkSize() - 1) / ChunkSize());
  extra.chunk_bits = chunk_bits_;
  extra.runs = std::move(runs_);
  runs_.clear();
  return absl::OkStatus();
}

}  // namespace nacre::image::erofs
