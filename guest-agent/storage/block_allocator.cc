#include "guest-agent/storage/block_allocator.h"

#include <algorithm>
#include <iterator>

#include "base/strings.h"

namespace nacre::guest_agent {

void Append(const Extent& extent, std::vector<Extent>* extents) {
  if (extent.blocks == 0) return;
  if (!extents->empty() && extents->back().end() == extent.start) {
    extents->back().blocks += extent.blocks;
  } else {
    extents->push_back(extent);
  }
}

BlockAllocator::BlockAllocator(uint64_t blocks) : blocks_(blocks), free_(blocks) {
  if (blocks != 0) runs_.emplace(0, blocks);
}

BlockAllocator::Runs::iterator BlockAllocator::Find(uint64_t most, uint64_t near) {
  const auto here = runs_.find(near);
  if (here != runs_.end()) return here;
  auto longest = runs_.begin();
  for (auto run = runs_.begin(); run != runs_.end(); ++run) {
    if (run->second - run->first >= most) return run;
    if (run->second - run->first > longest->second - longest->first) longest = run;
  }
  return longest;
}

absl::StatusOr<Extent> BlockAllocator::Take(uint64_t most, uint64_t near) {
  const std::lock_guard lock(mutex_);
  const auto run = Find(std::max<uint64_t>(most, 1), near);
  if (run == runs_.end())
    return absl::ResourceExhaustedError(
        StrCat("scratch disk: all of its ", blocks_, " blocks of 4 KiB are in use"));
  const uint64_t end = run->second;
  const Extent taken{run->first, std::min(std::max<uint64_t>(most, 1), end - run->first)};
  const auto next = runs_.erase(run);
  if (taken.end() != end) runs_.emplace_hint(next, taken.end(), end);
  free_ -= taken.blocks;
  return taken;
}

void BlockAllocator::Give(const Extent& extent) {
  if (extent.blocks == 0) return;
  const std::lock_guard lock(mutex_);
  uint64_t start = extent.start, end = extent.end();
  auto next = runs_.lower_bound(start);
  if (next != runs_.begin()) {
    const auto before = std::prev(next);
    if (before->second == start) {
      start = before->first;
      runs_.erase(before);
    }
  }
  if (next != runs_.end() && next->first == end) {
    end = next->second;
    next = runs_.erase(next);
  }
  runs_.emplace_hint(next, start, end);
  free_ += extent.blocks;
}

uint64_t BlockAllocator::free() {
  const std::lock_guard lock(mutex_);
  return free_;
}

}  // namespace nacre::guest_agent
