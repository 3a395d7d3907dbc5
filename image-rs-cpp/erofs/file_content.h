// The content of one file after another, as it arrives, onto a volume: blocks in a row, or chunks
// with holes between them.
//
// A hole is kept as one when it covers a whole chunk, and chunks are as large as makes at most
// 262,144 of a file: so its table on the volume is at most 1 MiB. Zeros written for the rest of
// holes, and tables, are counted, so that whoever calls can bound what a small archive makes of a
// large volume.
#pragma once

#include <cstdint>

#include "base/status.h"
#include "image-rs-cpp/erofs/image_tree.h"
#include "image-rs-cpp/erofs/volume_writer.h"

namespace nacre::image::erofs {

class FileContent {
 public:
  // `out` outlives it.
  explicit FileContent(VolumeWriter* out) : out_(out) {}

  // A file that will have `size` bytes, holes included.
  void Begin(uint64_t size);
  absl::Status Data(ByteView data);
  absl::Status Hole(uint64_t size);
  // Puts size, place and chunks into the file's inode.
  absl::Status End(Inode* inode);

  // Bytes of zeros written for holes, and of tables, so far, of all files.
  uint64_t filler() const { return filler_; }

 private:
  uint64_t ChunkSize() const { return uint64_t{kVolumeBlock} << chunk_bits_; }
  absl::Status Zeros(uint64_t count);
  absl::Status EndHole(bool last);
  void EndRun();

  VolumeWriter* out_;
  uint64_t filler_ = 0;
  uint32_t chunk_bits_ = 0;
  uint64_t at_ = 0;         // in the file, before the hole
  uint64_t hole_ = 0;       // that has begun at `at_`
  bool chunked_ = false;    // some chunk is a hole
  uint64_t run_start_ = 0;  // in the file: a chunk's start
  uint32_t run_block_ = 0;
  std::vector<ChunkRun> runs_;
};

}  // namespace nacre::image::erofs
