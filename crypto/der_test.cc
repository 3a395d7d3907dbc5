#include "crypto/der.h"

#include "base/encoding.h"
#include "base/status_testing.h"

namespace nacre::crypto::der {
namespace {

Bytes Hex(std::string_view text) { return HexDecode(text).value(); }

TEST(DerReaderTest, ElementsOneAfterTheOther) {
  const Bytes data =
      Hex("020105"
          "0400"
          "3003020107");
  Reader reader(data);
  ASSERT_OK_AND_ASSIGN(const Element number, reader.Next(kInteger, "x"));
  EXPECT_EQ(HexEncode(number.value), "05");
  EXPECT_EQ(HexEncode(number.whole), "020105");
  ASSERT_OK_AND_ASSIGN(const auto absent, reader.Optional(kBoolean, "x"));
  EXPECT_FALSE(absent.has_value());
  ASSERT_OK_AND_ASSIGN(const auto octets, reader.Optional(kOctetString, "x"));
  EXPECT_TRUE(octets->value.empty());
  EXPECT_STATUS(reader.End("x"), kInvalidArgument, "x: bytes after");
  ASSERT_OK_AND_ASSIGN(const Element sequence, reader.Next("x"));
  EXPECT_EQ(sequence.tag, kSequence);
  EXPECT_TRUE(reader.done());
  EXPECT_OK(reader.End("x"));
  EXPECT_STATUS(reader.Next("x"), kInvalidArgument, "ends where an element belongs");
}

TEST(DerReaderTest, LengthsAtTheirBoundaries) {
  for (size_t size : {0u, 1u, 127u, 128u, 255u, 256u, 65535u, 65536u}) {
    ByteWriter writer;
    writer.U8(kOctetString);
    if (size < 0x80) {
      writer.U8(static_cast<uint8_t>(size));
    } else if (size < 0x100) {
      writer.U8(0x81).U8(static_cast<uint8_t>(size));
    } else if (size < 0x10000) {
      writer.U8(0x82).U16Be(static_cast<uint16_t>(size));
    } else {
      writer.U8(0x83).U8(1).U16Be(0);
    }
    const Bytes whole = writer.Zeros(size).Release();
    EXPECT_EQ(Whole(whole, kOctetString, "x")->value.size(), size);
    EXPECT_STATUS(Whole(ByteView(whole).first(whole.size() - 1), kOctetString, "x"),
                  kInvalidArgument, "not DER");
  }
}

TEST(DerReaderTest, RefusesWhatIsNotDer) {
  const auto next = [](std::string_view hex) {
    const Bytes data = Hex(hex);
    return Reader(data).Next("x").status();
  };
  EXPECT_STATUS(next("04"), kInvalidArgument, "ends where");
  EXPECT_STATUS(next("0480000000"), kInvalidArgument, "indefinite");
  EXPECT_STATUS(next("248004000000"), kInvalidArgument, "indefinite");
  EXPECT_STATUS(next("04817f"
                     "00"),
                kInvalidArgument, "shortest form");
  EXPECT_STATUS(next("0482007f"), kInvalidArgument, "length");
  EXPECT_STATUS(next("0481"), kInvalidArgument, "length");
  EXPECT_STATUS(next("0485010000000000"), kInvalidArgument, "length");
  EXPECT_STATUS(next("0484ffffffff00"), kInvalidArgument, "ends within");
  EXPECT_STATUS(next("1f8101"
                     "00"),
                kInvalidArgument, "tag");
  EXPECT_STATUS(next("0000"), kInvalidArgument, "tag");
  const Bytes octets = Hex("0400");
  EXPECT_STATUS(Whole(octets, kInteger, "x"), kInvalidArgument, "tag 4, must be 2");
}

TEST(DerValueTest, Numbers) {
  EXPECT_EQ(HexEncode(*Unsigned(Hex("00"), "x")), "00");
  EXPECT_EQ(HexEncode(*Unsigned(Hex("7f"), "x")), "7f");
  EXPECT_EQ(HexEncode(*Unsigned(Hex("0080"), "x")), "80");
  EXPECT_EQ(HexEncode(*Unsigned(Hex("0100"), "x")), "0100");
  EXPECT_STATUS(Unsigned({}, "x"), kInvalidArgument, "no bytes");
  EXPECT_STATUS(Unsigned(Hex("80"), "x"), kInvalidArgument, "negative");
  EXPECT_STATUS(Unsigned(Hex("007f"), "x"), kInvalidArgument, "shortest form");
  EXPECT_STATUS(Unsigned(Hex("0000"), "x"), kInvalidArgument, "shortest form");
  EXPECT_EQ(*Small(Hex("00ffffffff"), 0xffffffff, "x"), 0xffffffffu);
  EXPECT_EQ(*Small(Hex("0a"), 10, "x"), 10u);
  EXPECT_STATUS(Small(Hex("0b"), 10, "x"), kInvalidArgument, "above 10");
  EXPECT_STATUS(Small(Hex("0100000000"), 0xffffffff, "x"), kInvalidArgument, "above");
  EXPECT_STATUS(Small(Hex("010000000000000001"), 0xffffffff, "x"), kInvalidArgument, "above");
}

TEST(DerValueTest, BooleansAndBits) {
  EXPECT_TRUE(*Boolean(Hex("ff"), "x"));
  EXPECT_FALSE(*Boolean(Hex("00"), "x"));
  EXPECT_STATUS(Boolean(Hex("01"), "x"), kInvalidArgument, "BOOLEAN");
  EXPECT_STATUS(Boolean(Hex("ffff"), "x"), kInvalidArgument, "BOOLEAN");
  EXPECT_EQ(BitString(Hex("0520"), "x")->unused, 5);
  EXPECT_TRUE(BitString(Hex("00"), "x")->bytes.empty());
  EXPECT_STATUS(BitString({}, "x"), kInvalidArgument, "BIT STRING");
  EXPECT_STATUS(BitString(Hex("01"), "x"), kInvalidArgument, "BIT STRING");
  EXPECT_STATUS(BitString(Hex("0800"), "x"), kInvalidArgument, "BIT STRING");
  EXPECT_STATUS(BitString(Hex("0521"), "x"), kInvalidArgument, "unused bits");
  EXPECT_EQ(HexEncode(*WholeBytes(Hex("00ab"), "x")), "ab");
  EXPECT_STATUS(WholeBytes(Hex("0520"), "x"), kInvalidArgument, "whole bytes");
}

TEST(DerValueTest, Times) {
  const auto utc = [](std::string_view text) { return Time({kUtcTime, AsBytes(text), {}}, "x"); };
  const auto general = [](std::string_view text) {
    return Time({kGeneralizedTime, AsBytes(text), {}}, "x");
  };
  EXPECT_EQ(*utc("700101000000Z"), 0);
  EXPECT_EQ(*utc("250615150640Z"), 1'750'000'000);
  EXPECT_EQ(*utc("500101000000Z"), -631152000);  // 1950
  EXPECT_EQ(*utc("491231235959Z"), 2524607999);  // 2049
  EXPECT_EQ(*general("20500101000000Z"), 2524608000);
  EXPECT_EQ(*general("99991231235959Z"), 253402300799);
  EXPECT_EQ(*general("00000301000000Z") - *general("00000229000000Z"), 86400);
  EXPECT_EQ(*utc("000229000000Z"), 951782400);
  for (std::string_view bad :
       {"010229000000Z", "250015000000Z", "251315000000Z", "250100000000Z", "250132000000Z",
        "250431000000Z", "250101240000Z", "250101006000Z", "250101000060Z"}) {
    EXPECT_STATUS(utc(bad), kInvalidArgument, "a time that is none") << bad;
  }
  for (std::string_view bad : {"", "Z", "2501010000Z", "250101000000", "250101000000+0000",
                               "2501010000a0Z", "20250101000000Z"}) {
    EXPECT_STATUS(utc(bad), kInvalidArgument, "not a time") << bad;
  }
  EXPECT_STATUS(general("20250101000000.5Z"), kInvalidArgument, "not a time");
  EXPECT_STATUS(Time({kIa5String, AsBytes("250101000000Z"), {}}, "x"), kInvalidArgument,
                "not a time");
}

TEST(DerValueTest, ObjectIdentifiers) {
  for (std::string_view text : {"2.5.29.15", "1.3.6.1.4.1.3704.1.4", "1.2.840.113741.1.13.1", "0.0",
                                "2.999.4294967295", "2.16.840.1.113730.1.1"}) {
    EXPECT_EQ(OidText(*OidFromText(text)), text);
  }
  EXPECT_EQ(HexEncode(*OidFromText("1.2.840.113741")), "2a864886f84d");
  for (std::string_view bad :
       {"", "1", "commonName", "3.1", "1.40", "1.2.", "1..2", "1.2.-3", "1.2.4294967296", " 1.2"}) {
    EXPECT_STATUS(OidFromText(bad), kInvalidArgument, "not an object identifier") << bad;
  }
  EXPECT_STATUS(CheckOid({}, "x"), kInvalidArgument, "OBJECT IDENTIFIER");
  EXPECT_STATUS(CheckOid(Hex("2a80"), "x"), kInvalidArgument, "OBJECT IDENTIFIER");
  EXPECT_STATUS(CheckOid(Hex("2a8001"), "x"), kInvalidArgument, "OBJECT IDENTIFIER");
  EXPECT_EQ(OidText(Hex("80")), "?");
  EXPECT_EQ(OidText(Hex("2affffffffffffffffffff7f")), "?");
}

TEST(DerValueTest, AnyValueMustBeOneOfItsType) {
  const auto any = [](std::string_view hex) {
    const Bytes data = Hex(hex);
    return CheckAny(Reader(data).Next("x").value(), "x");
  };
  for (std::string_view good : {"0500", "0101ff", "020100", "0202ff7f", "0a0101", "03020780",
                                "06012a", "0c00", "1e020041", "1c0400000041", "3000", "8001ff"}) {
    EXPECT_OK(any(good)) << good;
  }
  for (std::string_view bad : {"050100", "010101", "0200", "02020001", "0202ffff", "030108", "0600",
                               "1e0141", "1c0141", "2400", "1000"}) {
    EXPECT_STATUS(any(bad), kInvalidArgument, "x: ") << bad;
  }
}

}  // namespace
}  // namespace nacre::crypto::der
