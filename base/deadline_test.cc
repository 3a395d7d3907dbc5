#include "base/deadline.h"

#include <gtest/gtest.h>

namespace nacre {
namespace {

TEST(DeadlineTest, CountsDownToZero) {
  EXPECT_EQ(Deadline::After(0).RemainingMillis(), 0);
  EXPECT_TRUE(Deadline::After(0).expired());
  EXPECT_EQ(Deadline::After(-5).RemainingMillis(), 0);
  Deadline far = Deadline::After(1000000);
  EXPECT_GT(far.RemainingMillis(), 900000);
  EXPECT_LE(far.RemainingMillis(), 1000000);
  EXPECT_FALSE(far.expired());
}

TEST(DeadlineTest, VeryFarFitsPoll) {
  EXPECT_EQ(Deadline::After(int64_t{1} << 40).RemainingMillis(), INT_MAX);
}

}  // namespace
}  // namespace nacre
