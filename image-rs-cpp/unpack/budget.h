// What all layers of one pull may use up together. Threads draw from it without a lock.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/status.h"
#include "image-rs-cpp/limits.h"

namespace nacre::image {

class UnpackBudget {
 public:
  explicit UnpackBudget(const Limits& limits)
      : bytes_left_(limits.max_unpacked_size), entries_left_(limits.max_entries) {}

  // kResourceExhausted when less than that is left; nothing is drawn then.
  absl::Status DrawBytes(uint64_t count);
  absl::Status DrawEntry();

  // Gives back what an attempt drew that has been thrown away.
  void Return(uint64_t bytes, uint64_t entries);

 private:
  std::atomic<uint64_t> bytes_left_;
  std::atomic<uint64_t> entries_left_;
};

}  // namespace nacre::image
