#include "image-rs-cpp/unpack/budget.h"

#include "base/strings.h"

namespace nacre::image {
namespace {

bool Draw(std::atomic<uint64_t>& left, uint64_t count) {
  uint64_t now = left.load(std::memory_order_relaxed);
  do {
    if (now < count) return false;
  } while (!left.compare_exchange_weak(now, now - count, std::memory_order_relaxed));
  return true;
}

}  // namespace

absl::Status UnpackBudget::DrawBytes(uint64_t count) {
  if (Draw(bytes_left_, count)) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      StrCat("the layers unpack to more bytes than allowed: ", limits_.max_unpacked_size));
}

absl::Status UnpackBudget::DrawEntry() {
  if (Draw(entries_left_, 1)) {
    const absl::Status room = DrawRoom(kInodeSize);
    if (!room.ok()) entries_left_.fetch_add(1, std::memory_order_relaxed);
    return room;
  }
  return absl::ResourceExhaustedError(
      StrCat("the layers hold more files than allowed: ", limits_.max_entries));
}

absl::Status UnpackBudget::DrawContent(uint64_t count) { return DrawRoom(count); }

absl::Status UnpackBudget::DrawRoom(uint64_t count) {
  if (room_ == kUnlimited || Draw(room_left_, count)) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      StrCat("the layers take more bytes than the image store has room for: ", room_));
}

void UnpackBudget::Return(uint64_t bytes, uint64_t entries, uint64_t content) {
  bytes_left_.fetch_add(bytes, std::memory_order_relaxed);
  entries_left_.fetch_add(entries, std::memory_order_relaxed);
  if (room_ != kUnlimited) {
    room_left_.fetch_add(entries * kInodeSize + content, std::memory_order_relaxed);
  }
}

}  // namespace nacre::image
