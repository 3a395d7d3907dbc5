#include "cli/kbs_denials.h"

#include <gmock/gmock.h>

#include "base/status_testing.h"

namespace nacre::cli {
namespace {

Json Denial() {
  return {{"time", 0},
          {"id", 7},
          {"guest", "abc-_"},
          {"request", "ExecProcessRequest"},
          {"attestation", "1f2e"},
          {"tee", "snp"},
          {"reference", "web"},
          {"explanation", "no rule allows it\nArgs was [\"sh\"]\n"}};
}

TEST(FormatDenial, SaysWhoWhenWhatAndWhy) {
  EXPECT_EQ(*FormatDenial(Denial()),
            "1970-01-01T00:00:00Z  ExecProcessRequest denied (id 7)\n"
            "  guest        abc-_\n"
            "  attestation  1f2e (snp, reference value 'web')\n"
            "    no rule allows it\n"
            "    Args was [\"sh\"]\n");
}

TEST(FormatDenial, NothingMovesTheCursorOrLooksLikeSomethingElse) {
  Json denial = Denial();
  // Escape sequence, carriage return, C1 control, right-to-left override, a Cyrillic letter, DEL.
  denial["explanation"] = "a\x1b[2J\rb\u009b31m\u202ec\u0430\x7f";
  for (const char* key : {"request", "guest", "attestation", "tee", "reference"}) {
    denial[key] = "x\x1b[31m\ny";
  }
  ASSERT_OK_AND_ASSIGN(const std::string text, FormatDenial(denial));
  for (const char c : text) {
    EXPECT_TRUE(c == '\n' || (c >= 0x20 && c < 0x7f)) << static_cast<int>(c);
  }
  EXPECT_THAT(text, ::testing::HasSubstr("a\\u001b[2J\\rb\\u009b31m\\u202ec\\u0430\\u007f"));
  EXPECT_THAT(text, ::testing::HasSubstr("x\\u001b[31m\\ny denied"));
}

TEST(FormatDenial, EveryMemberMustBeThere) {
  const Json whole = Denial();
  for (const auto& [key, value] : whole.items()) {
    Json denial = whole;
    denial.erase(key);
    EXPECT_STATUS(FormatDenial(denial), kInvalidArgument, key);
  }
}

}  // namespace
}  // namespace nacre::cli
