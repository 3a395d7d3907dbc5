#include "image-rs-cpp/json_object.h"

#include <gtest/gtest.h>

#include "base/status_testing.h"
#include "base/strings.h"

namespace nacre::image {
namespace {

using enum absl::StatusCode;

constexpr JsonLimits kLimits{.max_size = 16, .max_depth = 2};

TEST(ParseJsonObjectTest, AnObject) {
  EXPECT_EQ(*ParseJsonObject("{}", "paper", kLimits), Json::object());
  EXPECT_EQ(*ParseJsonObject(R"({"a":[1]})", "paper", kLimits), (Json{{"a", {1}}}));
}

TEST(ParseJsonObjectTest, NothingElse) {
  for (const char* other : {"[]", "[{}]", "null", "1", "true", R"("{}")"}) {
    EXPECT_STATUS(ParseJsonObject(other, "paper", kLimits), kInvalidArgument,
                  "paper: not an object but ");
  }
  EXPECT_STATUS(ParseJsonObject("", "paper", kLimits), kInvalidArgument, "paper: ");
  EXPECT_STATUS(ParseJsonObject("{} {}", "paper", kLimits), kInvalidArgument, "paper: ");
}

TEST(ParseJsonObjectTest, Limits) {
  const auto padded = [](size_t size) { return StrCat("{}", std::string(size - 2, ' ')); };
  EXPECT_TRUE(ParseJsonObject(padded(16), "paper", kLimits).ok());
  EXPECT_STATUS(ParseJsonObject(padded(17), "paper", kLimits), kInvalidArgument,
                "paper: JSON: 17 bytes, the limit is 16");
  EXPECT_STATUS(ParseJsonObject(R"({"a":[[]]})", "paper", kLimits), kInvalidArgument, "paper: ");
}

}  // namespace
}  // namespace nacre::image
