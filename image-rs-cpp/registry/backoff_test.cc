#include "image-rs-cpp/registry/backoff.h"

#include <gtest/gtest.h>

namespace nacre::image {
namespace {

TEST(Backoff, DoublesWithChanceUpToALimit) {
  Backoff low({.first_ms = 200, .longest_ms = 1000}), high({.first_ms = 200, .longest_ms = 1000});
  for (uint32_t whole : {200u, 400u, 800u, 1000u, 1000u}) {
    EXPECT_EQ(low.Next(std::nullopt, 0), whole / 2);
    EXPECT_EQ(high.Next(std::nullopt, whole / 2), whole);
  }
  for (int i = 0; i < 100; ++i) EXPECT_LE(*high.Next(std::nullopt, 0xffffffff), 1000u);
}

TEST(Backoff, TheServersWishIsALowerBoundWithinOurs) {
  Backoff backoff({.first_ms = 200, .longest_ms = 1000});
  EXPECT_EQ(backoff.Next(700, 0), 700u);
  EXPECT_EQ(backoff.Next(0, 0), 200u);
  EXPECT_EQ(backoff.Next(1000, 0), 1000u);
  EXPECT_EQ(backoff.Next(1001, 0), std::nullopt);
  EXPECT_EQ(backoff.Next(uint64_t{1} << 40, 0), std::nullopt);
}

TEST(RetryAfter, SecondsOrADate) {
  EXPECT_EQ(ParseRetryAfter("0", 0), 0u);
  EXPECT_EQ(ParseRetryAfter("120", 0), 120'000u);
  EXPECT_EQ(ParseRetryAfter("4294967295", 0), 4'294'967'295'000u);
  EXPECT_EQ(ParseRetryAfter("Sun, 06 Nov 1994 08:49:37 GMT", 784111777 - 5), 5'000u);
  EXPECT_EQ(ParseRetryAfter("Sun, 06 Nov 1994 08:49:37 GMT", 784111777 + 5), 0u);
  for (const char* bad : {"", "-1", "1.5", "5 s", "99999999999", "Sun, 06 Nov 1994", "tomorrow",
                          "Sun, 06 Nov 1994 08:49:37 GMT+1"}) {
    EXPECT_EQ(ParseRetryAfter(bad, 0), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace nacre::image
