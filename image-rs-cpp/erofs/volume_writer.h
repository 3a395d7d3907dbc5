// The data of a volume as one stream of bytes, hashed and handed on in large pieces.
#pragma once

#include <cstdint>

#include "base/status.h"
#include "image-rs-cpp/erofs/verity_tree.h"
#include "image-rs-cpp/store/layer_volume.h"

namespace nacre::image::erofs {

class VolumeWriter {
 public:
  // A new salt. `volume` outlives the writer.
  explicit VolumeWriter(LayerVolume* volume);

  // kResourceExhausted past what block numbers can say; the volume's errors.
  absl::Status Append(ByteView data);
  absl::Status AppendZeros(uint64_t count);
  absl::Status PadToBlock();
  // Where the next byte goes. The first one goes to block 1.
  uint64_t position() const { return position_; }
  uint32_t block() const { return static_cast<uint32_t>(position_ / kVolumeBlock); }

  // Pads to a block; then block 0.
  absl::StatusOr<VerityRoot> Finish(ByteView first_block);

 private:
  absl::Status WriteBlocks(ByteView blocks);
  absl::Status Flush();

  LayerVolume* volume_;
  VerityTree tree_;
  Bytes buffer_;
  uint64_t written_ = kVolumeBlock;   // without what is in the buffer
  uint64_t position_ = kVolumeBlock;  // with it
};

}  // namespace nacre::image::erofs
