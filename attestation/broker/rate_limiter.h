// A token bucket per peer address, over a bounded number of addresses. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace nacre::attestation {

class RateLimiter {
 public:
  // `per_minute` is the refill and the burst.
  explicit RateLimiter(uint64_t per_minute, size_t max_peers = 4096)
      : per_minute_(static_cast<double>(per_minute)), max_peers_(max_peers) {}

  // Takes one from the bucket of `peer`; false when it is empty. `now_ms` never goes backwards.
  bool Take(std::string_view peer, int64_t now_ms);

 private:
  struct Bucket {
    double tokens;
    int64_t refilled_at_ms;
  };
  double Refilled(const Bucket& bucket, int64_t now_ms) const;
  void DropFull(int64_t now_ms);

  const double per_minute_;
  const size_t max_peers_;
  std::mutex mutex_;
  std::map<std::string, Bucket, std::less<>> buckets_;
};

// "10.0.2.2" of "10.0.2.2:51234", "[::1]" of "[::1]:51234".
std::string_view PeerHost(std::string_view peer);

}  // namespace nacre::attestation
