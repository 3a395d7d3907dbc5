#include "policy/rego/explain.h"

#include <gtest/gtest.h>

#include "base/status_testing.h"
#include "policy/rego/json.h"

namespace nacre::rego {
namespace {

std::string Why(std::string_view module, std::string_view input) {
  auto policy = *Policy::Compile({{"p.rego", std::string(module)}});
  Arena arena;
  Evaluator evaluator;
  auto explanation =
      Explain(evaluator, *policy, "data.t.allow", *ValueFromJson(arena, input), Value());
  return explanation.ok() ? explanation->text : std::string(Message(explanation.status()));
}

bool Has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST(Explain, NamesTheExpressionAndTheValues) {
  std::string why = Why(
      "package t\ndefault allow := false\nallow if {\n  n := input.n\n  n == 2\n}", R"({"n":3})");
  EXPECT_TRUE(Has(why, "data.t.allow is false")) << why;
  EXPECT_TRUE(Has(why, "p.rego:5:3: n == 2")) << why;
  EXPECT_TRUE(Has(why, "left: 3")) << why;
  EXPECT_TRUE(Has(why, "right: 2")) << why;
  EXPECT_TRUE(Has(why, "n = 3")) << why;
}

TEST(Explain, GoesOnInTheRuleThatFailed) {
  std::string why = Why("package t\nallow if image_ok\nimage_ok if input.image == \"good\"",
                        R"({"image":"bad"})");
  EXPECT_TRUE(Has(why, "data.t.image_ok is undefined")) << why;
  EXPECT_TRUE(Has(why, "p.rego:3:13: input.image == \"good\"")) << why;
  EXPECT_TRUE(Has(why, "left: \"bad\"")) << why;
}

TEST(Explain, NamesWhatIsMissing) {
  std::string why = Why("package t\nallow if input.a.b", R"({"a":{"c":1}})");
  EXPECT_TRUE(Has(why, "no \"b\" in {\"c\": 1}")) << why;
}

TEST(Explain, SaysNothingWhereNothingFailed) {
  EXPECT_EQ(Why("package t\nallow if input.a", R"({"a":1})"), "data.t.allow is true\n");
  EXPECT_TRUE(Has(Why("package t\nx := 1", "{}"), "no rule or package"));
}

}  // namespace
}  // namespace nacre::rego
