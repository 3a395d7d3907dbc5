#include "tee/eventlog/runtime_log.h"

#include "base/encoding.h"
#include "base/status_testing.h"
#include "base/strings.h"
#include "tee/common/refusal_class.h"

namespace nacre::tee::eventlog {
namespace {

std::string Entry(int imr, std::string_view digest, std::string_view name, std::string_view payload,
                  uint64_t type = kDstackEventType) {
  return StrCat("{\"imr\":", imr, ",\"event_type\":", type, ",\"digest\":\"", digest,
                "\",\"event\":\"", name, "\",\"event_payload\":\"", payload, "\"}");
}

RefusalClass ClassOfText(const std::string& json) {
  return ClassOf(ParseDstackLog(json).status(), RefusalClass::kNone);
}

TEST(DstackLogTest, EventsHashToTheirDigests) {
  // SHA-384 of 01 00 00 08 ':' "app-id" ':' aabb, by sha384sum.
  const std::string digest = "d0f01df1d6a1cb4d8e0fa4e7b55bcb0f3e55d8ea2d4d8d6d83bb8e1d62f3f38a";
  const Bytes computed = DstackEventDigest(kDstackEventType, "app-id", Bytes{0xaa, 0xbb});
  EXPECT_EQ(computed, BankDigest(Bank::kSha384, *HexDecode("010000083a6170702d69643aaabb")));
  const std::string good = StrCat("[", Entry(3, HexEncode(computed), "app-id", "aabb"), ",",
                                  Entry(3, "", "end", ""), "]");
  ASSERT_OK_AND_ASSIGN(RuntimeLog log, ParseDstackLog(good));
  ASSERT_EQ(log.events.size(), 2u);
  EXPECT_EQ(log.events[0].operation, "app-id");
  EXPECT_EQ(log.events[0].content, "aabb");
  const Bytes once = Extended(Bank::kSha384, Bytes(48), computed);
  EXPECT_EQ(log.registers.at(4),
            Extended(Bank::kSha384, once, DstackEventDigest(kDstackEventType, "end", {})));
  EXPECT_EQ(ClassOfText(StrCat("[", Entry(3, HexEncode(computed), "app-id", "aabc"), "]")),
            RefusalClass::kEventDataMismatch);
  EXPECT_EQ(ClassOfText(StrCat("[", Entry(3, digest, "app-id", "aabb"), "]")),
            RefusalClass::kEventDataMismatch);
}

TEST(DstackLogTest, OtherRegistersHaveDigestsOnly) {
  const std::string digest(96, '1');
  ASSERT_OK_AND_ASSIGN(RuntimeLog log, ParseDstackLog(StrCat("[", Entry(0, digest, "", ""), "]")));
  EXPECT_TRUE(log.events.empty());
  EXPECT_EQ(log.registers.at(1), Extended(Bank::kSha384, Bytes(48), Bytes(48, 0x11)));
}

TEST(DstackLogTest, RefusesOtherForms) {
  const std::string digest(96, '1');
  for (const std::string& json :
       {std::string(), std::string("{}"), std::string("[1]"), std::string("[{}]"),
        StrCat("[", Entry(4, digest, "", ""), "]"), StrCat("[", Entry(0, "11", "", ""), "]"),
        StrCat("[", Entry(0, "", "", ""), "]"), StrCat("[", Entry(3, "", "x", "abc"), "]"),
        StrCat("[", Entry(0, "zz", "", ""), "]"),
        StrCat("[", Entry(3, "", "x", "", uint64_t{1} << 32), "]")}) {
    EXPECT_EQ(ClassOfText(json), RefusalClass::kFormat) << json;
  }
  EXPECT_OK(ParseDstackLog("[]"));
}

}  // namespace
}  // namespace nacre::tee::eventlog
