// A point in time by which something must be done, on the clock that no one sets.
#pragma once

#include <algorithm>
#include <chrono>
#include <climits>
#include <cstdint>

namespace nacre {

class Deadline {
 public:
  static Deadline After(int64_t milliseconds) {
    return Deadline(std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds));
  }

  // Whole milliseconds left, rounded up, 0 when it has passed: a timeout for poll(2).
  int RemainingMillis() const {
    auto left =
        std::chrono::ceil<std::chrono::milliseconds>(at_ - std::chrono::steady_clock::now());
    return static_cast<int>(std::clamp<int64_t>(left.count(), 0, INT_MAX));
  }
  bool expired() const { return std::chrono::steady_clock::now() >= at_; }

 private:
  explicit Deadline(std::chrono::steady_clock::time_point at) : at_(at) {}
  std::chrono::steady_clock::time_point at_;
};

}  // namespace nacre
