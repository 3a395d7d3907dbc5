// Memory for the windows of all streams that are decompressed at the same time. A zstd frame may
// ask for a window of 32 MiB; several layers side by side wait for each other instead of taking
// that much each.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace nacre::image {

class WindowMemory {
 public:
  explicit WindowMemory(uint64_t bytes) : left_(bytes) {}

  // Waits until `bytes`, at most what there is in all, are free. Whoever holds some gives them back
  // before it asks for more, so nobody waits for itself.
  void Acquire(uint64_t bytes) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return left_ >= bytes; });
    left_ -= bytes;
  }
  void Release(uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    left_ += bytes;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t left_;
};

}  // namespace nacre::image
