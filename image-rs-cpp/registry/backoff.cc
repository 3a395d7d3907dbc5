#include "image-rs-cpp/registry/backoff.h"

#include <time.h>

#include <algorithm>
#include <string>

#include "base/strings.h"

namespace nacre::image {
namespace {

constexpr uint32_t kMaxDoublings = 16;

}  // namespace

std::optional<uint32_t> Backoff::Next(std::optional<uint64_t> retry_after_ms, uint32_t random) {
  const uint64_t whole = std::min<uint64_t>(
      uint64_t{options_.first_ms} << std::min(attempt_, kMaxDoublings), options_.longest_ms);
  ++attempt_;
  const uint64_t own = whole / 2 + random % (whole / 2 + 1);
  if (retry_after_ms && *retry_after_ms > options_.longest_ms) return std::nullopt;
  return static_cast<uint32_t>(std::max(own, retry_after_ms.value_or(0)));
}

std::optional<uint64_t> ParseRetryAfter(std::string_view value, int64_t now) {
  uint32_t seconds = 0;
  if (ParseNumber(value, &seconds)) return uint64_t{seconds} * 1000;
  tm parts{};
  const std::string text(value);
  const char* end = strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  const int64_t then = timegm(&parts);
  return then <= now ? 0 : static_cast<uint64_t>(then - now) * 1000;
}

}  // namespace nacre::image
