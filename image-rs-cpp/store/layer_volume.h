// A layer at rest that is not a folder on somebody's file system but a read-only volume of its own:
// an EROFS image (erofs/image_writer.h) over blocks that nobody trusts, every one of them checked
// by dm-verity when it is read. All that has to be remembered of it safely is its root hash.
//
// This is what the writer of such layers needs of whoever owns the blocks (in a guest the agent,
// guest-agent/storage; in tests a file). The writer streams: it does not know how much will come,
// and holds neither content nor the whole hash tree in memory. So a volume has three parts that
// grow side by side.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/status.h"

namespace nacre::image {

inline constexpr size_t kVolumeBlock = 4096;  // of data and of hashes

enum class VolumePart {
  kData,
  kLeafHashes,   // the tree's lowest level, the hashes of data blocks: by far the largest
  kInnerHashes,  // all levels above it as dm-verity wants them, topmost first; absent with one leaf
};

// What dm-verity is told (kernel Documentation/admin-guide/device-mapper/verity.rst, version 1,
// SHA-256, salt first).
struct VerityRoot {
  std::string hash;          // 32 bytes
  std::string salt;          // 32 bytes
  uint64_t data_blocks = 0;  // at least 2, so that there is a leaf
  uint64_t leaf_blocks = 0;
  uint64_t inner_blocks = 0;
};

// One layer's volume. Blocks of one that was never mounted are given back when it goes.
class LayerVolume {
 public:
  virtual ~LayerVolume() = default;
  // `blocks` is whole blocks, for block number `block` on. Each part is written from its start
  // without gaps, once; but for the first block of kData and that of kLeafHashes, which come last,
  // each in a call of its own (the superblock needs to know the whole image, and the first leaf the
  // superblock). kResourceExhausted when there is no room left: nothing has changed then, and the
  // same call may be made again once other volumes have gone.
  virtual absl::Status Write(VolumePart part, uint64_t block, ByteView blocks) = 0;
  // After the last block: makes what was written readable through dm-verity alone and mounts it,
  // read-only. The folder stays mounted as long as this object lives.
  virtual absl::StatusOr<std::string> Mount(const VerityRoot& root) = 0;
};

// Thread-safe.
class LayerVolumes {
 public:
  virtual ~LayerVolumes() = default;
  virtual absl::StatusOr<std::unique_ptr<LayerVolume>> New() = 0;
  // Bytes that all volumes together may have, hashes included.
  virtual uint64_t capacity() const = 0;
};

}  // namespace nacre::image
