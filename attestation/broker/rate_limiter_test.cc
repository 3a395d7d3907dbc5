#include "attestation/broker/rate_limiter.h"

#include <gtest/gtest.h>

namespace nacre::attestation {
namespace {

TEST(RateLimiter, GrantsABurstThenRefills) {
  RateLimiter limiter(2);
  EXPECT_TRUE(limiter.Take("a", 0));
  EXPECT_TRUE(limiter.Take("a", 0));
  EXPECT_FALSE(limiter.Take("a", 0));
  EXPECT_FALSE(limiter.Take("a", 29'999));
  EXPECT_TRUE(limiter.Take("a", 60'000));
}

TEST(RateLimiter, PeersDoNotShare) {
  RateLimiter limiter(1);
  EXPECT_TRUE(limiter.Take("a", 0));
  EXPECT_FALSE(limiter.Take("a", 0));
  EXPECT_TRUE(limiter.Take("b", 0));
}

TEST(RateLimiter, RemembersABoundedNumberOfPeers) {
  RateLimiter limiter(1, 2);
  EXPECT_TRUE(limiter.Take("a", 0));
  EXPECT_TRUE(limiter.Take("b", 0));
  EXPECT_FALSE(limiter.Take("c", 0));      // two busy peers are remembered already
  EXPECT_TRUE(limiter.Take("c", 60'000));  // their buckets are full again and were dropped
  EXPECT_TRUE(limiter.Take("a", 60'000));
}

TEST(RateLimiter, TimeThatStandsStillIsNoRefill) {
  RateLimiter limiter(1);
  EXPECT_TRUE(limiter.Take("a", 60'000));
  EXPECT_FALSE(limiter.Take("a", 0));
  EXPECT_FALSE(limiter.Take("a", 60'000));
}

TEST(PeerHost, IsTheAddressWithoutThePort) {
  EXPECT_EQ(PeerHost("10.0.2.2:51234"), "10.0.2.2");
  EXPECT_EQ(PeerHost("[::1]:51234"), "[::1]");
}

}  // namespace
}  // namespace nacre::attestation
