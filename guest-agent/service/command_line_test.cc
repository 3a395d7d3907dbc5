#include "guest-agent/service/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/strings.h"
#include "guest-agent/limits.h"

namespace nacre::guest_agent {
namespace {

using ::testing::HasSubstr;

TEST(CommandLine, DefaultsWithoutOurWords) {
  const auto line = ParseCommandLine("console=ttyS0 quiet loglevel=3 panic=-1 demo.changed=1\n");
  ASSERT_TRUE(line.ok()) << line.status();
  EXPECT_FALSE(line->emulated_tee);
  EXPECT_FALSE(line->policy_debug);
  EXPECT_EQ(line->text, "console=ttyS0 quiet loglevel=3 panic=-1 demo.changed=1");
}

TEST(CommandLine, ReadsEveryKey) {
  const auto line = ParseCommandLine("a nacre.tee=emulated  b nacre.policy_debug=1");
  ASSERT_TRUE(line.ok()) << line.status();
  EXPECT_TRUE(line->emulated_tee);
  EXPECT_TRUE(line->policy_debug);
}

TEST(CommandLine, RefusesUnknownKeysValuesAndRepetition) {
  for (const char* bad : {
           "nacre.debug_console=1",
           "nacre.debug_console",
           "nacre.=1",
           "nacre.tee",
           "nacre.tee=",
           "nacre.tee=snp",
           "nacre.tee=Emulated",
           "nacre.tee=emulated nacre.tee=emulated",
           "nacre.policy_debug",
           "nacre.policy_debug=0",
           "nacre.policy_debug=1 nacre.policy_debug=1",
           "nacre.agent_port=vsock",
           "nacre.TEE=emulated",
       }) {
    EXPECT_EQ(ParseCommandLine(bad).status().code(), absl::StatusCode::kInvalidArgument) << bad;
  }
  EXPECT_THAT(Message(ParseCommandLine("nacre.typo=1").status()), HasSubstr("nacre.typo=1"));
}

TEST(CommandLine, QuotedWordsAreOneWord) {
  EXPECT_TRUE(ParseCommandLine("x=\"a nacre.tee=nonsense b\"").ok());
  EXPECT_FALSE(ParseCommandLine("x=\"a nacre.tee=emulated").ok());
}

TEST(CommandLine, SizeAndAlphabetAreBounded) {
  EXPECT_TRUE(ParseCommandLine(std::string(kMaxCommandLine, 'a')).ok());
  EXPECT_TRUE(ParseCommandLine(std::string(kMaxCommandLine, 'a') + "\n").ok());
  EXPECT_FALSE(ParseCommandLine(std::string(kMaxCommandLine + 1, 'a')).ok());
  EXPECT_FALSE(ParseCommandLine("a\tb").ok());
  EXPECT_FALSE(ParseCommandLine("a\nb").ok());
  EXPECT_FALSE(ParseCommandLine("caf\xc3\xa9").ok());
  EXPECT_FALSE(ParseCommandLine(std::string_view("a\0b", 3)).ok());
}

}  // namespace
}  // namespace nacre::guest_agent
