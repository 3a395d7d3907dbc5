#include "base/json.h"

#include <cmath>

#include "base/status_testing.h"

namespace nacre {
namespace {

std::string Nested(int depth) {
  return std::string(static_cast<size_t>(depth), '[') +
         std::string(static_cast<size_t>(depth), ']');
}

TEST(ParseJsonTest, ReadsEveryKindOfValue) {
  ASSERT_OK_AND_ASSIGN(
      Json value, ParseJson(R"( {"a":[1,-2,2.5,true,false,null,"x\u00e9\ud83d\ude00"],"b":{}} )"));
  EXPECT_EQ(*DumpJson(value), "{\"a\":[1,-2,2.5,true,false,null,\"x\u00e9\U0001F600\"],\"b\":{}}");
  EXPECT_EQ(*DumpJson(*ParseJson("18446744073709551615")), "18446744073709551615");
}

TEST(ParseJsonTest, RefusesDuplicateKeysAtAnyDepth) {
  EXPECT_STATUS(ParseJson(R"({"a":1,"b":2,"a":3})"), kInvalidArgument, "duplicate key 'a'");
  EXPECT_STATUS(ParseJson(R"([{"x":{"k":1,"k":1}}])"), kInvalidArgument, "duplicate key 'k'");
  EXPECT_STATUS(ParseJson(R"({"a":1,"\u0061":2})"), kInvalidArgument, "duplicate key 'a'");
  EXPECT_OK(ParseJson(R"({"a":{"a":1},"b":[{"a":1},{"a":2}]})"));
}

TEST(ParseJsonTest, DepthBelowAtAndAboveTheLimit) {
  JsonLimits limits{.max_depth = 5};
  EXPECT_OK(ParseJson(Nested(4), limits));
  EXPECT_OK(ParseJson(Nested(5), limits));
  EXPECT_STATUS(ParseJson(Nested(6), limits), kInvalidArgument, "nested deeper than 5");
  EXPECT_OK(ParseJson(Nested(64)));
  EXPECT_STATUS(ParseJson(Nested(65)), kInvalidArgument, "nested deeper than 64");
  EXPECT_STATUS(ParseJson(std::string(1 << 20, '[')), kInvalidArgument, "nested deeper");
  EXPECT_OK(ParseJson("1", {.max_depth = 0}));
}

TEST(ParseJsonTest, SizeBelowAtAndAboveTheLimit) {
  JsonLimits limits{.max_size = 4};
  EXPECT_OK(ParseJson("123", limits));
  EXPECT_OK(ParseJson("1234", limits));
  EXPECT_STATUS(ParseJson("12345", limits), kInvalidArgument, "5 bytes, the limit is 4");
}

TEST(ParseJsonTest, RefusesWhatIsNotJson) {
  for (std::string_view bad : {"",          " ",
                               "{",         "[1,]",
                               "{\"a\"}",   "{\"a\":1,}",
                               "{a:1}",     "'a'",
                               "01",        "+1",
                               "1.",        ".5",
                               "NaN",       "Infinity",
                               "nul",       "1 2",
                               "[1]]",      "// c\n1",
                               "/* c */1",  "\"\t\"",
                               "\"\\x\"",   "\"a",
                               "\"\\u12\"", "1e999",
                               "-",         "\xef\xbb\xbf{}"}) {
    EXPECT_STATUS(ParseJson(bad), kInvalidArgument, "JSON: ") << bad;
  }
  EXPECT_STATUS(ParseJson(std::string_view("1\0", 2)), kInvalidArgument, "zero byte");
  EXPECT_STATUS(ParseJson(std::string_view("{}\0{", 4)), kInvalidArgument, "zero byte");
}

TEST(ParseJsonTest, RefusesInvalidUtf8) {
  for (std::string_view bad :
       {"\"\xff\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xe2\x82\"",
        "\"\\ud800\"", "\"\\udc00\\ud800\""}) {
    EXPECT_STATUS(ParseJson(bad), kInvalidArgument, "JSON: ") << bad;
  }
}

TEST(ParseJsonTest, SaysWhereButNotWhat) {
  absl::StatusOr<Json> result = ParseJson("{\n  \"key\": hunter2\n}");
  EXPECT_STATUS(result, kInvalidArgument, "line 2, column 10");
  EXPECT_EQ(Message(result.status()).find("hunter2"), std::string_view::npos);
  EXPECT_STATUS(ParseJson("[1,"), kInvalidArgument, "unexpected end at line 1");
}

TEST(DumpJsonTest, RefusesInvalidUtf8) {
  EXPECT_STATUS(DumpJson(Json("\xff")), kInvalidArgument, "not valid UTF-8");
  EXPECT_EQ(*DumpJson(Json{{"b", 1}, {"a", 2}}, 1), "{\n \"a\": 2,\n \"b\": 1\n}");
}

// RFC 8785 section 3.2.2 and 3.2.3.
TEST(CanonicalJsonTest, Rfc8785Example) {
  ASSERT_OK_AND_ASSIGN(Json value, ParseJson(R"({
    "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
    "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
    "literals": [null, true, false]})"));
  EXPECT_EQ(*CanonicalJson(value),
            "{\"literals\":[null,true,false],"
            "\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],"
            "\"string\":\"\u20ac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
}

TEST(CanonicalJsonTest, KeysSortByUtf16Units) {
  ASSERT_OK_AND_ASSIGN(Json value, ParseJson(R"({"\u20ac":1,"\r":2,"\ufb33":3,"1":4,
    "\ud83d\ude00":5,"\u0080":6,"\u00f6":7})"));
  EXPECT_EQ(*CanonicalJson(value),
            "{\"\\r\":2,\"1\":4,\"\u0080\":6,\"\u00f6\":7,\"\u20ac\":1,"
            "\"\U0001F600\":5,\"\ufb33\":3}");
}

// RFC 8785 appendix B.
TEST(CanonicalJsonTest, NumbersAsEcmascriptWritesThem) {
  for (auto [value, text] : std::initializer_list<std::pair<double, std::string_view>>{
           {0.0, "0"},
           {-0.0, "0"},
           {5e-324, "5e-324"},
           {-1.7976931348623157e308, "-1.7976931348623157e+308"},
           {9007199254740992.0, "9007199254740992"},
           {295147905179352830000.0, "295147905179352830000"},
           {999999999999999900000.0, "999999999999999900000"},
           {1e21, "1e+21"},
           {9.999999999999997e22, "9.999999999999997e+22"},
           {0.000001, "0.000001"},
           {1e-7, "1e-7"},
           {333333333.33333325, "333333333.33333325"},
           {-0.0000033333333333333333, "-0.0000033333333333333333"},
           {1424953923781206.2, "1424953923781206.2"}}) {
    EXPECT_EQ(*CanonicalJson(Json(value)), text);
  }
  EXPECT_STATUS(CanonicalJson(Json(std::nan(""))), kInvalidArgument, "not finite");
  EXPECT_STATUS(CanonicalJson(Json(HUGE_VAL)), kInvalidArgument, "not finite");
}

TEST(CanonicalJsonTest, IntegersUpTo2To53) {
  EXPECT_EQ(*CanonicalJson(Json(int64_t{9007199254740992})), "9007199254740992");
  EXPECT_EQ(*CanonicalJson(Json(int64_t{-9007199254740992})), "-9007199254740992");
  EXPECT_STATUS(CanonicalJson(Json(int64_t{9007199254740993})), kInvalidArgument, "2^53");
  EXPECT_STATUS(CanonicalJson(Json(INT64_MIN)), kInvalidArgument, "2^53");
  EXPECT_STATUS(CanonicalJson(Json(UINT64_MAX)), kInvalidArgument, "2^53");
}

TEST(CanonicalJsonTest, RefusesInvalidUtf8AndDepth) {
  EXPECT_STATUS(CanonicalJson(Json("\xff")), kInvalidArgument, "UTF-8");
  EXPECT_STATUS(CanonicalJson(Json{{"\xc0\x80", 1}}), kInvalidArgument, "UTF-8");
  Json deep = 1;
  for (int i = 0; i < 65; ++i) deep = Json::array({deep});
  EXPECT_STATUS(CanonicalJson(deep), kInvalidArgument, "too deep");
}

TEST(JsonMembersTest, TypedAccess) {
  ASSERT_OK_AND_ASSIGN(Json object, ParseJson(R"({"s":"x","u":7,"n":-7,"f":1.5,"b":true,
    "o":{"k":1},"a":[1],"z":null})"));
  EXPECT_EQ(*JsonString(object, "s", "doc"), "x");
  EXPECT_EQ(*JsonUint(object, "u", "doc"), 7u);
  EXPECT_EQ(*JsonUint(Json{{"u", 7}}, "u", "doc"), 7u);
  EXPECT_TRUE(*JsonBool(object, "b", "doc"));
  EXPECT_EQ((**JsonObject(object, "o", "doc"))["k"], 1);
  EXPECT_EQ((*JsonArray(object, "a", "doc"))->size(), 1u);

  EXPECT_STATUS(JsonString(object, "u", "doc"), kInvalidArgument,
                "doc: member 'u' must be a string, is number");
  EXPECT_STATUS(JsonUint(object, "n", "doc"), kInvalidArgument, "whole number");
  EXPECT_STATUS(JsonUint(object, "f", "doc"), kInvalidArgument, "whole number");
  EXPECT_STATUS(JsonBool(object, "z", "doc"), kInvalidArgument, "true or false");
  EXPECT_STATUS(JsonObject(object, "a", "doc"), kInvalidArgument, "an object");
  EXPECT_STATUS(JsonArray(object, "o", "doc"), kInvalidArgument, "an array");
  EXPECT_STATUS(JsonString(object, "q", "doc"), kInvalidArgument, "doc: member 'q' is missing");
  EXPECT_STATUS(JsonString(Json(1), "q", "doc"), kInvalidArgument, "doc: must be an object");
}

TEST(JsonMembersTest, OnlyMembers) {
  Json object = {{"a", 1}, {"b", 2}};
  EXPECT_OK(JsonOnlyMembers(object, {"a", "b", "c"}, "doc"));
  EXPECT_STATUS(JsonOnlyMembers(object, {"a"}, "doc"), kInvalidArgument, "doc: unknown member 'b'");
  EXPECT_STATUS(JsonOnlyMembers(Json::array(), {}, "doc"), kInvalidArgument, "must be an object");
}

}  // namespace
}  // namespace nacre
