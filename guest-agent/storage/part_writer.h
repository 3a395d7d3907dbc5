// One part of a volume on its way to the disk: takes blocks in order, finds them a place and
// writes them in large aligned pieces, which the kernel keeps no copy of (O_DIRECT).
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "guest-agent/storage/block_allocator.h"

namespace nacre::guest_agent {

struct PartWriterOptions {
  size_t buffer_blocks = 16;      // as many are written at once
  bool first_comes_last = false;  // block 0 comes when all others have come
};

class PartWriter {
 public:
  using Options = PartWriterOptions;
  // `disk` is open for writing; its blocks are the allocator's. Both outlive this.
  PartWriter(BlockAllocator* allocator, int disk, const Options& options);
  PartWriter(const PartWriter&) = delete;
  PartWriter& operator=(const PartWriter&) = delete;
  ~PartWriter();  // gives back what Finish did not hand out

  // `bytes` is whole blocks, for block number `block` on. kFailedPrecondition out of order.
  // kResourceExhausted when the disk is full, and for nothing else: nothing was written then, and
  // the same call may be made again.
  absl::Status Write(uint64_t block, ByteView bytes);
  // Writes what is left and gives back what it has too much. Then these are the blocks, in order
  // and the caller's to give back; kFailedPrecondition when there are not `blocks` of them.
  absl::StatusOr<std::vector<Extent>> Finish(uint64_t blocks);

 private:
  struct Free {
    void operator()(uint8_t* memory) const { std::free(memory); }
  };

  using Buffer = std::unique_ptr<uint8_t, Free>;

  static absl::StatusOr<Buffer> Aligned(size_t size);
  absl::Status Append(ByteView bytes);
  absl::Status WriteFirst(ByteView bytes);
  absl::Status Flush();
  absl::Status WriteAt(uint64_t block, ByteView aligned);
  absl::Status Reserve(uint64_t blocks);
  Extent Place(uint64_t block, uint64_t most) const;
  void GiveBackFrom(uint64_t block);

  BlockAllocator* const allocator_;
  const int disk_;
  const Options options_;
  Buffer buffer_;
  size_t filled_ = 0;  // bytes of the buffer, for the blocks before next_
  uint64_t next_;      // the block that comes next
  bool first_missing_;
  std::vector<Extent> extents_;  // what it has of the disk
  uint64_t reserved_ = 0;        // their sum
};

}  // namespace nacre::guest_agent
