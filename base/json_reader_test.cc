#include "base/json_reader.h"

#include <random>

#include "base/status_testing.h"
#include "base/strings.h"

namespace nacre {
namespace {

// The library's own parser is the oracle: same tree, down to the kind of each number. It knows
// neither limits nor equal keys.
void ExpectAsLibrary(const std::string& text) {
  const auto ours = ParseJson(text);
  const Json theirs = Json::parse(text, nullptr, false);
  if (!ours.ok()) {
    const bool by_choice = Message(ours.status()).find("duplicate") != std::string_view::npos ||
                           Message(ours.status()).find("deeper") != std::string_view::npos ||
                           Message(ours.status()).find("zero byte") != std::string_view::npos ||
                           Message(ours.status()).find("byte order") != std::string_view::npos;
    EXPECT_TRUE(theirs.is_discarded() || by_choice) << text << ": " << ours.status();
    return;
  }
  ASSERT_FALSE(theirs.is_discarded()) << text;
  EXPECT_EQ(Json::to_cbor(*ours), Json::to_cbor(theirs)) << text;
}

TEST(JsonReaderTest, NumbersAsTheLibraryReadsThem) {
  for (const char* text : {"0",
                           "-0",
                           "1",
                           "-1",
                           "10",
                           "00",
                           "01",
                           "-01",
                           "-",
                           "--1",
                           "+1",
                           "1.",
                           "1.0",
                           "-0.0",
                           ".5",
                           "1e1",
                           "1e",
                           "1e+",
                           "1E-1",
                           "1e+1",
                           "1.e1",
                           "0e0",
                           "0x1",
                           "1_0",
                           "9223372036854775807",
                           "9223372036854775808",
                           "-9223372036854775808",
                           "-9223372036854775809",
                           "18446744073709551615",
                           "18446744073709551616",
                           "99999999999999999999999999",
                           "1e308",
                           "1e309",
                           "-1e309",
                           "1e400",
                           "1e-400",
                           "5e-324",
                           "2.2250738585072014e-308",
                           "0.1000000000000000055511151231257827021181583404541015625",
                           "1 ",
                           " 1",
                           "1 1"}) {
    ExpectAsLibrary(text);
    ExpectAsLibrary(StrCat("[", text, "]"));
  }
}

TEST(JsonReaderTest, StringsAsTheLibraryReadsThem) {
  for (const char* text : {R"("")",
                           R"("\"\\\/\b\f\n\r\t")",
                           R"("\v")",
                           R"("\u0000")",
                           R"("\u00")",
                           R"("\u00e9")",
                           R"("\uD83D\uDE00")",
                           R"("\ud83d")",
                           R"("\ud83dx")",
                           R"("\ud83d\n")",
                           R"("\ud83d\u0041")",
                           R"("\ud83d\ud83d")",
                           R"("\ude00")",
                           R"("\uffff")",
                           R"("\u7ff\u0800")",
                           R"("\U0041")",
                           "\"\x7f\"",
                           "\"\x1f\"",
                           "\"\n\"",
                           "\"",
                           "\"\\",
                           "\"\\u",
                           "\"a\"b",
                           "'a'"}) {
    ExpectAsLibrary(text);
    ExpectAsLibrary(StrCat("{", text, ":", text, "}"));
  }
}

TEST(JsonReaderTest, EveryTwoBytesOfUtf8AsTheLibraryReadsThem) {
  for (int first = 0x80; first < 0x100; ++first) {
    for (int second = 0; second < 0x100; ++second) {
      for (const char* tail : {"", "\x80", "\xbf\x80", "\xbf\xc0"}) {
        const std::string two = {static_cast<char>(first), static_cast<char>(second)};
        ExpectAsLibrary(StrCat("\"", two, tail, "\""));
      }
    }
  }
}

TEST(JsonReaderTest, ChangedTextsAsTheLibraryReadsThem) {
  constexpr std::string_view kSeed =
      R"( {"a":[1,-2,2.5e-3,true,false,null],"b":{"c":"é\ud83d\ude00\n"},"d":[],"e":{}} )";
  constexpr std::string_view kBytes = "[]{}:,\"\\0123456789-+.eEtrufalsn \n\t\x80\xc3\xff";
  std::mt19937 random(7);
  for (int i = 0; i < 20'000; ++i) {
    std::string text(kSeed);
    for (unsigned changes = random() % 3 + 1; changes > 0; --changes) {
      const size_t at = random() % text.size();
      const char byte = kBytes[random() % kBytes.size()];
      switch (random() % 3) {
        case 0:
          text[at] = byte;
          break;
        case 1:
          text.insert(text.begin() + static_cast<ptrdiff_t>(at), byte);
          break;
        default:
          text.erase(at, random() % 4 + 1);
      }
      if (text.empty()) text = "1";
    }
    ExpectAsLibrary(text);
  }
}

TEST(JsonReaderTest, FaultsHaveAPlace) {
  EXPECT_STATUS(ParseJson("[1,\n 2 3]"), kInvalidArgument, "syntax error at line 2, column 4");
  EXPECT_STATUS(ParseJson("{\"a\":"), kInvalidArgument, "unexpected end at line 1, column 6");
  EXPECT_STATUS(ParseJson("\"\xff\""), kInvalidArgument, "invalid UTF-8 at line 1, column 2");
  EXPECT_STATUS(ParseJson("[1e999,2]"), kInvalidArgument, "number out of range at line 1");
  EXPECT_STATUS(ParseJson(R"("\ud800 ")"), kInvalidArgument, "lone surrogate escape at line 1");
}

// What RapidJSON takes and RFC 8259 does not.
TEST(JsonReaderTest, NothingStandsBehindANul) {
  for (const std::string_view before : {"{}", "[1]", "7", "\"a\"", "null "}) {
    for (const std::string_view after : {"", "{}", " ", "x"}) {
      const std::string text = StrCat(before, std::string(1, '\0'), after);
      EXPECT_STATUS(ParseJson(text), kInvalidArgument, "holds a zero byte");
      EXPECT_STATUS(ParseJsonWithBytes(text), kInvalidArgument, "holds a zero byte");
    }
  }
}

TEST(JsonReaderTest, LowSurrogatesNeedAHighOne) {
  for (const char* text : {R"("\udc00")", R"("\udfff")", R"({"\udc00":1})", R"("\ud800\ud800")"}) {
    EXPECT_STATUS(ParseJson(text), kInvalidArgument, "lone surrogate escape at line 1") << text;
  }
  EXPECT_OK(ParseJson(R"("\ud83d\ude00")"));
}

std::string List(size_t size, std::string_view element = "7") {
  std::string out = "[";
  for (size_t i = 0; i < size; ++i) StrAppend(&out, i > 0 ? "," : "", element);
  return out + "]";
}

TEST(ParseJsonWithBytesTest, ListsBelowAtAndAboveTheLength) {
  EXPECT_TRUE(ParseJsonWithBytes(List(kMinByteList - 1))->is_array());
  EXPECT_TRUE(ParseJsonWithBytes(List(kMinByteList))->is_binary());
  EXPECT_TRUE(ParseJsonWithBytes(List(kMinByteList + 1))->is_binary());
  EXPECT_TRUE(ParseJson(List(100))->is_array());
  ASSERT_OK_AND_ASSIGN(const Json bytes, ParseJsonWithBytes(List(100, " 255\n")));
  EXPECT_EQ(bytes.get_binary(), std::vector<uint8_t>(100, 255));
}

TEST(ParseJsonWithBytesTest, ListsOfAnythingElseStayLists) {
  for (const char* element : {"256", "-1", "1.0", "1e1", "1000", "\"1\"", "null", "[1]", "{}"}) {
    ASSERT_OK_AND_ASSIGN(const Json list, ParseJsonWithBytes(List(100, element)));
    EXPECT_TRUE(list.is_array()) << element;
    EXPECT_EQ(list, *ParseJson(List(100, element)));
  }
  EXPECT_TRUE(ParseJsonWithBytes("[]")->is_array());
}

TEST(ParseJsonWithBytesTest, WhatIsNoJsonIsRefusedAsEver) {
  for (std::string text : {List(100, "01"), List(100, ""), List(100, "1 1"), List(100, "+1"),
                           List(100) + "]", List(100).substr(0, 100)}) {
    const auto with_bytes = ParseJsonWithBytes(text);
    EXPECT_STATUS(with_bytes, kInvalidArgument, Message(ParseJson(text).status())) << text;
    text.insert(text.size() - 1, ",");
    EXPECT_FALSE(ParseJsonWithBytes(text).ok()) << text;
  }
  EXPECT_STATUS(ParseJsonWithBytes("[" + List(20) + "]", {.max_depth = 1}), kInvalidArgument,
                "nested deeper than 1");
}

TEST(ParseJsonWithBytesTest, ListBytesGivesTheListsBack) {
  const std::string text = StrCat(R"({"a":)", List(20), R"(,"b":[)", List(16), ",", List(3),
                                  R"(],"c":{"d":)", List(17, "0"), R"(},"e":"x"})");
  ASSERT_OK_AND_ASSIGN(Json compact, ParseJsonWithBytes(text));
  EXPECT_TRUE(compact["a"].is_binary());
  EXPECT_TRUE(compact["b"][0].is_binary());
  EXPECT_TRUE(compact["b"][1].is_array());
  EXPECT_TRUE(compact["c"]["d"].is_binary());
  EXPECT_EQ(Json::to_cbor(ListBytes(std::move(compact))), Json::to_cbor(*ParseJson(text)));
}

}  // namespace
}  // namespace nacre
