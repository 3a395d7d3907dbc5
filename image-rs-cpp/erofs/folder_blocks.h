// A folder's content: in each block first the entries, 12 bytes each, then their names. Names
// ascend as unsigned bytes over the whole folder, and each block is searched by halving.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "base/bytes.h"
#include "base/status.h"

namespace nacre::image::erofs {

class FolderPacker {
 public:
  // Takes every block but the last, whole, and then the last, as far as it is used.
  using OnBlock = std::function<absl::Status(ByteView block)>;

  // `block` may be null where only the size counts.
  explicit FolderPacker(OnBlock on_block) : on_block_(std::move(on_block)) {}

  // Names of 1 to 255 bytes, in order.
  absl::Status Add(std::string_view name, uint64_t nid, uint8_t file_type);
  // Of all content, as the inode says it.
  absl::StatusOr<uint64_t> Finish();

 private:
  absl::Status EndBlock(bool last);

  const OnBlock on_block_;
  uint64_t size_ = 0;  // of blocks that have ended
  size_t used_ = 0;    // of the one that has not
  struct Entry {
    uint64_t nid;
    uint8_t file_type;
    std::string_view name;
  };
  std::vector<Entry> entries_;
};

}  // namespace nacre::image::erofs
