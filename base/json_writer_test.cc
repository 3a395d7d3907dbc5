#include "base/json_writer.h"

#include <cmath>

#include "base/json_reader.h"
#include "base/status_testing.h"
#include "base/strings.h"

namespace nacre {
namespace {

// The library's own serialiser is the oracle.
void ExpectAsLibrary(const Json& value) {
  std::string ours;
  ASSERT_TRUE(AppendJson(&ours, value));
  EXPECT_EQ(ours, value.dump(-1, ' ', false, Json::error_handler_t::strict));
  EXPECT_EQ(*DumpJson(value), ours);
}

TEST(JsonWriterTest, TreesAsTheLibraryWritesThem) {
  for (const char* text : {"null",
                           "true",
                           "false",
                           "0",
                           "-0",
                           "1",
                           "-1",
                           "18446744073709551615",
                           "-9223372036854775808",
                           "1.5",
                           "1e300",
                           "0.1",
                           "-0.0",
                           "1e-7",
                           "5e-324",
                           "123456789.0",
                           "[]",
                           "{}",
                           "[[]]",
                           "[{}]",
                           R"({"":""})",
                           R"({"b":[1,2,{"c":null}],"a":{"x":"y"}})",
                           R"("é€😀")",
                           R"(["a","b",["c"]])"}) {
    ExpectAsLibrary(*ParseJson(text));
  }
  ExpectAsLibrary(*ParseJsonWithBytes("[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]"));
  ExpectAsLibrary(Json(std::nan("")));
}

TEST(JsonWriterTest, EveryByteOfAsciiAsTheLibraryWritesIt) {
  std::string all;
  for (int byte = 0; byte < 0x80; ++byte) {
    all.push_back(static_cast<char>(byte));
    ExpectAsLibrary(Json(std::string(1, static_cast<char>(byte))));
    ExpectAsLibrary(Json{{StrCat("x", all.substr(all.size() - 1), "y"), 1}});
  }
  ExpectAsLibrary(Json(all));
}

TEST(JsonWriterTest, TextThatIsNoUtf8IsRefused) {
  for (const char* bad :
       {"\xff", "a\x80", "\xc0\x80", "\xed\xa0\x80", "\xe2\x82", "\xf4\x90\x80\x80"}) {
    EXPECT_STATUS(DumpJson(Json(bad)), kInvalidArgument, "not valid UTF-8");
    EXPECT_STATUS(DumpJson(Json{{bad, 1}}), kInvalidArgument, "not valid UTF-8");
    EXPECT_STATUS(DumpJson(Json::array({1, bad})), kInvalidArgument, "not valid UTF-8");
    JsonWriter writer;
    writer.BeginArray().Text("good").Text(bad).Text("good").EndArray();
    EXPECT_STATUS(std::move(writer).Finish(), kInvalidArgument, "not valid UTF-8");
  }
}

TEST(JsonWriterTest, WritesFromFrontToBack) {
  JsonWriter writer;
  writer.BeginObject().Key("a").Number(-1).Key("b").BeginArray();
  writer.Text("x\n").Bool(true).BeginObject().EndObject().BeginArray().EndArray().Number(2);
  writer.EndArray().Key("c").BeginObject().Key("d").Bool(false).EndObject();
  writer.Key("e").Tree({{"f", {1, 2}}}).EndObject();
  EXPECT_EQ(*std::move(writer).Finish(),
            R"({"a":-1,"b":["x\n",true,{},[],2],"c":{"d":false},"e":{"f":[1,2]}})");
}

}  // namespace
}  // namespace nacre
