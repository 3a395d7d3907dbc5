// How long to wait before asking a busy server again: longer each time, with chance in it so that
// many guests do not come back together, and no shorter than the server asks for (Retry-After, RFC
// 9110 section 10.2.3).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace nacre::image {

struct BackoffOptions {
  uint32_t first_ms = 200;
  uint32_t longest_ms = 30'000;  // of our own delays, and the longest Retry-After that is obeyed
};

class Backoff {
 public:
  explicit Backoff(BackoffOptions options) : options_(options) {}

  // The delay before the next attempt: of the n-th, between half of and the whole first_ms *
  // 2^(n-1), at most longest_ms. `random` is any number. Nothing when the server asks for longer
  // than we are willing to wait.
  std::optional<uint32_t> Next(std::optional<uint64_t> retry_after_ms, uint32_t random);

 private:
  const BackoffOptions options_;
  uint32_t attempt_ = 0;
};

// The header's value as milliseconds from `now` (seconds since 1970): a number of seconds, or an
// IMF-fixdate. Nothing for other text; 0 for a date that has passed.
std::optional<uint64_t> ParseRetryAfter(std::string_view value, int64_t now);

}  // namespace nacre::image
