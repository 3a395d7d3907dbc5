// Which blocks of a disk are free. It knows nothing of the disk: a function of what was taken and
// given back, in this process's memory alone.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

#include "base/status.h"

namespace nacre::guest_agent {

struct Extent {
  uint64_t start = 0;
  uint64_t blocks = 0;

  uint64_t end() const { return start + blocks; }
  bool operator==(const Extent&) const = default;
};

// Adds a run to what a file or device consists of: it makes the last one longer where it goes on.
void Append(const Extent& extent, std::vector<Extent>* extents);

// Thread-safe.
class BlockAllocator {
 public:
  explicit BlockAllocator(uint64_t blocks);

  // A run of 1 to `most` free blocks: the one that begins at `near`, if that is free; else the
  // first with as many as `most`; else the longest there is. kResourceExhausted when no block is
  // free.
  absl::StatusOr<Extent> Take(uint64_t most, uint64_t near);
  // Gives back a run, or a part of one, that Take gave.
  void Give(const Extent& extent);

  uint64_t blocks() const { return blocks_; }
  uint64_t free();

 private:
  using Runs = std::map<uint64_t, uint64_t>;  // start -> end, never touching each other
  Runs::iterator Find(uint64_t most, uint64_t near);

  const uint64_t blocks_;
  std::mutex mutex_;
  Runs runs_;          // guarded by mutex_, as is
  uint64_t free_ = 0;  // their sum
};

}  // namespace nacre::guest_agent
