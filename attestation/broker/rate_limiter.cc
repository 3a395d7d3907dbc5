#include "attestation/broker/rate_limiter.h"

#include <algorithm>

namespace nacre::attestation {

double RateLimiter::Refilled(const Bucket& bucket, int64_t now_ms) const {
  double elapsed_ms = static_cast<double>(std::max<int64_t>(now_ms - bucket.refilled_at_ms, 0));
  return std::min(per_minute_, bucket.tokens + elapsed_ms * per_minute_ / 60'000.0);
}

// A full bucket says nothing that a new one would not.
void RateLimiter::DropFull(int64_t now_ms) {
  std::erase_if(buckets_,
                [&](const auto& entry) { return Refilled(entry.second, now_ms) >= per_minute_; });
}

bool RateLimiter::Take(std::string_view peer, int64_t now_ms) {
  std::lock_guard lock(mutex_);
  auto found = buckets_.find(peer);
  if (found == buckets_.end()) {
    if (buckets_.size() >= max_peers_) DropFull(now_ms);
    if (buckets_.size() >= max_peers_) return false;  // that many busy peers at once: refuse new
    found = buckets_.emplace(peer, Bucket{per_minute_, now_ms}).first;
  }
  Bucket& bucket = found->second;
  bucket = {Refilled(bucket, now_ms), std::max(now_ms, bucket.refilled_at_ms)};
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}

std::string_view PeerHost(std::string_view peer) { return peer.substr(0, peer.rfind(':')); }

}  // namespace nacre::attestation
