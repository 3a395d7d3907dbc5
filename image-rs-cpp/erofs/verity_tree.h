// The hash tree of dm-verity (kernel Documentation/admin-guide/device-mapper/verity.rst: version 1,
// SHA-256, salt first, blocks of 4 KiB) over data that streams by. Leaves, a 128th of the data, go
// to the volume as they fill; only the level above them, a 16384th, is held in memory.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"
#include "crypto/digest.h"
#include "image-rs-cpp/store/layer_volume.h"

namespace nacre::image::erofs {

class VerityTree {
 public:
  // `salt` is 32 bytes. `volume` gets the parts kLeafHashes and kInnerHashes, and outlives the
  // tree.
  VerityTree(LayerVolume* volume, std::string salt);

  // The next data blocks; the first call's first is number 1.
  absl::Status Add(ByteView blocks);
  // Data block 0, after all others. Writes what is left of the hashes.
  absl::StatusOr<VerityRoot> Finish(ByteView first_block);

 private:
  Bytes Hash(ByteView block);
  Bytes HashEach(ByteView blocks);
  absl::Status EndLeaf();
  absl::StatusOr<uint64_t> WriteInner();

  LayerVolume* volume_;
  const std::string salt_;
  crypto::Hasher hasher_;
  uint64_t data_blocks_ = 1;
  uint64_t leaf_blocks_ = 0;
  Bytes leaf_;        // hashes of data blocks
  Bytes first_leaf_;  // waits for that of block 0
  Bytes inner_;       // hashes of leaves; in the end the root
};

}  // namespace nacre::image::erofs
