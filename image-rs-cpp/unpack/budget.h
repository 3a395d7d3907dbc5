// What all layers of one pull may use up together. Threads draw from it without a lock.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/status.h"
#include "image-rs-cpp/limits.h"

namespace nacre::image {

// What a file takes of a store beside its content: a guess.
inline constexpr uint64_t kInodeSize = 1024;

class UnpackBudget {
 public:
  static constexpr uint64_t kUnlimited = UINT64_MAX;

  // `room` is what the store they go to may still take, content and inodes.
  explicit UnpackBudget(const Limits& limits, uint64_t room = kUnlimited)
      : limits_(limits),
        room_(room),
        bytes_left_(limits.max_unpacked_size),
        entries_left_(limits.max_entries),
        room_left_(room) {}

  // Each: kResourceExhausted when less than that is left; nothing is drawn then.
  absl::Status DrawBytes(uint64_t count);  // of an archive
  absl::Status DrawEntry();
  absl::Status DrawContent(uint64_t count);  // of a file

  // Gives back what an attempt drew that has been thrown away.
  void Return(uint64_t bytes, uint64_t entries, uint64_t content);

 private:
  absl::Status DrawRoom(uint64_t count);

  const Limits& limits_;
  const uint64_t room_;
  std::atomic<uint64_t> bytes_left_;
  std::atomic<uint64_t> entries_left_;
  std::atomic<uint64_t> room_left_;
};

}  // namespace nacre::image
