// What the broker counts, for /metrics. Names of routes and codes come from the broker itself,
// never from a caller, so the number of series is bounded. Thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace nacre::attestation {

class Metrics {
 public:
  // One answered request. `route` is one of a fixed set ("attest", "resource"...); `code` is the
  // reason code of a refusal, or "".
  void Count(std::string_view route, int status, std::string_view code, int64_t took_us);

  // Prometheus' text format, version 0.0.4.
  std::string Text() const;

 private:
  static constexpr std::array<int64_t, 10> kBounds = {500,    1'000,  2'500,   5'000,   10'000,
                                                      25'000, 50'000, 100'000, 250'000, 1'000'000};
  struct Histogram {
    std::array<uint64_t, kBounds.size() + 1> buckets{};
    int64_t sum_us = 0;
    uint64_t count = 0;
  };
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, int>, uint64_t> requests_;  // by route and status
  std::map<std::string, uint64_t> refusals_;                  // by reason code
  std::map<std::string, Histogram> durations_;                // by route
};

}  // namespace nacre::attestation
