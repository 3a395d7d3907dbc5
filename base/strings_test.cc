#include "base/strings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>

namespace nacre {
namespace {

using ::testing::ElementsAre;

TEST(StringsTest, StrCatTakesTextAndNumbers) {
  std::string owned = "owned";
  EXPECT_EQ(StrCat("a", std::string_view("b"), owned, 'c', -1, uint8_t{7}, UINT64_MAX, INT64_MIN),
            "abownedc-1718446744073709551615-9223372036854775808");
  EXPECT_EQ(StrCat(), "");
}

TEST(StringsTest, StrAppendAddsAtTheEnd) {
  std::string text = "x";
  for (int i = 0; i < 3; ++i) StrAppend(&text, ",", i);
  EXPECT_EQ(text, "x,0,1,2");
}

TEST(StringsTest, StrSplitKeepsEmptyParts) {
  EXPECT_THAT(StrSplit("a:b", ':'), ElementsAre("a", "b"));
  EXPECT_THAT(StrSplit(":a:", ':'), ElementsAre("", "a", ""));
  EXPECT_THAT(StrSplit("", ':'), ElementsAre(""));
}

TEST(StringsTest, StrJoinIsTheReverse) {
  EXPECT_EQ(StrJoin(StrSplit("a:b::c", ':'), ":"), "a:b::c");
  EXPECT_EQ(StrJoin(std::vector<std::string>{}, ","), "");
}

TEST(StringsTest, StripSpace) {
  EXPECT_EQ(StripSpace(" \t a b\r\n"), "a b");
  EXPECT_EQ(StripSpace(" \n"), "");
  EXPECT_EQ(StripSpace("x"), "x");
}

TEST(StringsTest, ParseNumberTakesAllOrNothing) {
  uint8_t small = 1;
  EXPECT_TRUE(ParseNumber("255", &small));
  EXPECT_EQ(small, 255);
  for (const char* bad : {"", "256", "-1", "+1", " 1", "1 ", "0x1", "1.0"}) {
    EXPECT_FALSE(ParseNumber(bad, &small)) << bad;
  }
  EXPECT_EQ(small, 255) << "left alone on failure";
  int64_t wide = 0;
  EXPECT_TRUE(ParseNumber("-9223372036854775808", &wide));
  EXPECT_FALSE(ParseNumber("9223372036854775808", &wide));
}

}  // namespace
}  // namespace nacre
