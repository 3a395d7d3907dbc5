#include "base/encoding.h"

#include "base/status_testing.h"

namespace nacre {
namespace {

// RFC 4648 section 10.
constexpr std::pair<std::string_view, std::string_view> kVectors[] = {{"", ""},
                                                                      {"f", "Zg=="},
                                                                      {"fo", "Zm8="},
                                                                      {"foo", "Zm9v"},
                                                                      {"foob", "Zm9vYg=="},
                                                                      {"fooba", "Zm9vYmE="},
                                                                      {"foobar", "Zm9vYmFy"}};

TEST(EncodingTest, Base64Vectors) {
  for (auto [plain, encoded] : kVectors) {
    EXPECT_EQ(Base64Encode(AsBytes(plain)), encoded);
    ASSERT_OK_AND_ASSIGN(Bytes decoded, Base64Decode(encoded));
    EXPECT_EQ(AsText(decoded), plain);
    std::string_view unpadded = encoded.substr(0, encoded.find('='));
    EXPECT_EQ(Base64UrlEncode(AsBytes(plain)), unpadded);
    ASSERT_OK_AND_ASSIGN(decoded, Base64UrlDecode(unpadded));
    EXPECT_EQ(AsText(decoded), plain);
  }
}

TEST(EncodingTest, AlphabetsDifferInTwoCharacters) {
  Bytes data = {0xfb, 0xff, 0xbf};
  EXPECT_EQ(Base64Encode(data), "+/+/");
  EXPECT_EQ(Base64UrlEncode(data), "-_-_");
  EXPECT_STATUS(Base64Decode("-_-_"), kInvalidArgument, "bad character at offset 0");
  EXPECT_STATUS(Base64UrlDecode("+/+/"), kInvalidArgument, "bad character at offset 0");
}

TEST(EncodingTest, Base64IsStrict) {
  for (const char* bad : {"Z", "Zg", "Zg=", "Zg===", "Z===", "====", "Zm9v=", "Zh==", "Zm9=",
                          "Zm9v\n", "Zm 9v", "Zg==Zg==", "=Zg="}) {
    EXPECT_STATUS(Base64Decode(bad), kInvalidArgument, "base64") << bad;
  }
}

TEST(EncodingTest, Base64UrlIsStrict) {
  for (const char* bad : {"Z", "Zg==", "Zh", "Zm9", "Zm9v\n", "Zm9vZ"}) {
    EXPECT_STATUS(Base64UrlDecode(bad), kInvalidArgument, "base64url") << bad;
  }
}

TEST(EncodingTest, Hex) {
  EXPECT_EQ(HexEncode(Bytes{0x00, 0x9a, 0xff}), "009aff");
  ASSERT_OK_AND_ASSIGN(Bytes decoded, HexDecode("009AfF"));
  EXPECT_EQ(decoded, (Bytes{0x00, 0x9a, 0xff}));
  EXPECT_OK(HexDecode(""));
  EXPECT_STATUS(HexDecode("abc"), kInvalidArgument, "odd length 3");
  for (const char* bad : {"0g", "g0", " 0", "0x"}) {
    EXPECT_STATUS(HexDecode(bad), kInvalidArgument, "bad digit") << bad;
  }
}

TEST(EncodingTest, EveryByteValueAndLengthSurvives) {
  Bytes data;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(*HexDecode(HexEncode(data)), data);
    EXPECT_EQ(*Base64Decode(Base64Encode(data)), data);
    EXPECT_EQ(*Base64UrlDecode(Base64UrlEncode(data)), data);
    data.push_back(static_cast<uint8_t>(i * 7));
  }
}

}  // namespace
}  // namespace nacre
