#include "policy/rego/value.h"

#include <gtest/gtest.h>

#include "base/status_testing.h"
#include "policy/rego/json.h"
#include "policy/rego/number.h"

namespace nacre::rego {
namespace {

class ValueTest : public ::testing::Test {
 protected:
  Value Json(std::string_view text) {
    auto value = ValueFromJson(arena_, text);
    EXPECT_OK(value.status());
    return value.ok() ? *value : Value();
  }
  Value Number(std::string_view text) { return Json(text); }
  Arena arena_;
};

TEST_F(ValueTest, KindsAreOrderedAsOpaOrdersThem) {
  SetBuilder set(arena_);
  set.Add(Value::Int(1));
  std::vector<Value> ascending = {
      Json("null"),      Json("false"),     Json("true"),      Json("-1"),     Json("0.5"),
      Json("1"),         Json("\"\""),      Json("\"a\""),     Json("\"ab\""), Json("[]"),
      Json("[1]"),       Json("[1,0]"),     Json("[2]"),       Json("{}"),     Json("{\"a\":1}"),
      Json("{\"a\":2}"), Json("{\"b\":0}"), Value::EmptySet(), set.Build()};
  for (size_t i = 0; i < ascending.size(); ++i) {
    for (size_t j = 0; j < ascending.size(); ++j) {
      int order = Value::Compare(ascending[i], ascending[j]);
      EXPECT_EQ(order < 0, i < j) << i << " " << j;
      EXPECT_EQ(order == 0, i == j) << i << " " << j;
    }
  }
}

TEST_F(ValueTest, EqualNumbersInDifferentTextAreOneValue) {
  EXPECT_EQ(Json("1"), Json("1.0"));
  EXPECT_EQ(Json("1").Hash(), Json("1.0").Hash());
  EXPECT_EQ(Json("1000"), Json("1e3"));
  EXPECT_EQ(Json("[1e3]").Hash(), Json("[1000]").Hash());
  EXPECT_EQ(Json("0.10"), Json("1e-1"));
  EXPECT_EQ(Json("-0"), Json("0"));
  EXPECT_FALSE(Json("28857836529306024611913") == Json("28857836529306024611912"));
  EXPECT_EQ(ToJson(Json("1.0")), "1.0");
}

TEST_F(ValueTest, SetsAndObjectsKeepEachMemberOnceInOrder) {
  SetBuilder set(arena_);
  for (int n : {3, 1, 2, 3, 1}) set.Add(Value::Int(n));
  Value members = set.Build();
  EXPECT_EQ(ToRego(members), "{1, 2, 3}");
  EXPECT_TRUE(members.Contains(Value::Int(2)));
  EXPECT_FALSE(members.Contains(Value::Int(4)));
  EXPECT_EQ(ToJson(Json(R"({"b":1,"a":[true,null],"b":2})")), R"({"a":[true,null],"b":2})");
  EXPECT_EQ(ToRego(Value::EmptySet()), "set()");
}

TEST_F(ValueTest, ObjectConflictsAreFound) {
  ObjectBuilder same(arena_), different(arena_);
  same.Set("a", Value::Int(1));
  same.Set("a", *NumberFromText(arena_, "1.0"));
  different.Set("a", Value::Int(1));
  different.Set("a", Value::Int(2));
  Value conflict;
  EXPECT_EQ(same.BuildUnique(&conflict).size(), 1u);
  EXPECT_FALSE(different.BuildUnique(&conflict).defined());
  EXPECT_EQ(ToRego(conflict), "\"a\"");
}

TEST_F(ValueTest, LookupsOutsideGiveUndefined) {
  Value array = Json("[10, 20]");
  EXPECT_EQ(array.Get(Value::Int(1)), Value::Int(20));
  EXPECT_EQ(array.Get(Json("1.0")), Value::Int(20));
  for (const char* key : {"2", "-1", "0.5", "\"0\"", "1e300", "null"}) {
    EXPECT_FALSE(array.Get(Json(key)).defined()) << key;
  }
  EXPECT_FALSE(Json("{\"a\":1}").Get("b").defined());
  EXPECT_FALSE(Json("\"text\"").Get(Value::Int(0)).defined());
}

TEST_F(ValueTest, BudgetsAreHard) {
  Arena small(4096);
  ArrayBuilder out(small);
  for (int i = 0; i < 100000; ++i) out.Add(Value::Int(i));
  EXPECT_TRUE(out.Build().is_null());
  EXPECT_EQ(small.failure(), Arena::Failure::kMemory);
  small.Reset();
  Value nested = Value::EmptyArray();
  for (int i = 0; i < kMaxValueDepth - 1; ++i) nested = Value::Array(arena_, {nested});
  EXPECT_TRUE(nested.is_array());
  EXPECT_EQ(arena_.failure(), Arena::Failure::kNone);
  EXPECT_TRUE(Value::Array(arena_, {nested}).is_null());
  EXPECT_EQ(arena_.failure(), Arena::Failure::kDepth);
}

TEST_F(ValueTest, DeepCopiesDoNotLeanOnTheirSource) {
  Arena copy_arena;
  Value copy;
  {
    Arena source;
    copy = DeepCopy(copy_arena, *ValueFromJson(source, R"({"a":["x",1.5,{"b":null}]})"));
  }
  EXPECT_EQ(ToJson(copy), R"({"a":["x",1.5,{"b":null}]})");
}

TEST_F(ValueTest, JsonErrorsSayWhere) {
  const std::pair<std::string, std::string> bad[] = {
      {"", "line 1, column 1: unexpected end"},
      {"[1,\n 2,]", "line 2, column 4: unexpected character"},
      {"{\"a\" 1}", "line 1, column 6: expected ':'"},
      {"{a:1}", "line 1, column 2: expected a key"},
      {"01", "malformed number"},
      {"1.", "malformed number"},
      {"1e99999", "number is too large"},
      {"\"a", "unterminated string"},
      {"\"\\", "unterminated string"},
      {"\"\\x\"", "unknown escape"},
      {"\"\\u12\"", "malformed \\u escape"},
      {"\"\x01\"", "control character"},
      {"\"\xff\"", "column 2: invalid UTF-8"},
      {"1 2", "unexpected text after"},
      {std::string(1000, '['), "nested too deep"},
  };
  for (const auto& [text, message] : bad) {
    EXPECT_STATUS(ValueFromJson(arena_, text), kInvalidArgument, message) << text;
  }
  EXPECT_EQ(Json(R"("\u00e9\ud83d\ude00\ud800")").string(), "\u00e9\U0001F600\uFFFD");
}

TEST_F(ValueTest, IndentedJson) {
  EXPECT_EQ(ToJson(Json(R"({"a":[1,{}],"b":"<"})"), {.indent = "  ", .escape_html = true}),
            "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": \"\\u003c\"\n}");
}

}  // namespace
}  // namespace nacre::rego
