#include "image-rs-cpp/unpack/budget.h"

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
  return absl::ResourceExhaustedError("the layers unpack to more bytes than allowed");
}

absl::Status UnpackBudget::DrawEntry() {
  if (Draw(entries_left_, 1)) return absl::OkStatus();
  return absl::ResourceExhaustedError("the layers hold more files than allowed");
}

void UnpackBudget::Return(uint64_t bytes, uint64_t entries) {
  bytes_left_.fetch_add(bytes, std::memory_order_relaxed);
  entries_left_.fetch_add(entries, std::memory_order_relaxed);
}

}  // namespace nacre::image
