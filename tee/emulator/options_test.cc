#include "tee/emulator/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nacre::tee::emulator {
namespace {

using ::testing::HasSubstr;

std::string Refusal(const std::vector<std::string>& arguments) {
  const auto command = ParseCommandLine(arguments);
  return command.ok() ? "" : std::string(command.status().message());
}

TEST(EmulatorOptions, ReadsVerbAndPairs) {
  const auto command = ParseCommandLine({"serve", "--dir", "d", "--fd", "7"}).value();
  EXPECT_EQ(command.verb, "serve");
  EXPECT_EQ(command.Required("--dir").value(), "d");
  EXPECT_EQ(command.Descriptor("--fd").value(), 7);
  EXPECT_EQ(command.Descriptor("--ready-fd").value(), -1);
  EXPECT_EQ(command.Get("--socket", "none"), "none");
}

TEST(EmulatorOptions, NamesWhatIsWrong) {
  EXPECT_THAT(Refusal({}), HasSubstr("no verb"));
  EXPECT_THAT(Refusal({"srve"}), HasSubstr("'srve'"));
  EXPECT_THAT(Refusal({"init", "--out", "x"}), HasSubstr("'--out'"));
  EXPECT_THAT(Refusal({"init", "--dir"}), HasSubstr("needs a value"));
  EXPECT_THAT(Refusal({"init", "--dir", "a", "--dir", "b"}), HasSubstr("twice"));
  const auto command = ParseCommandLine({"serve", "--fd", "-1", "--ready-fd", "x"}).value();
  EXPECT_FALSE(command.Required("--dir").ok());
  EXPECT_FALSE(command.Descriptor("--fd").ok());
  EXPECT_FALSE(command.Descriptor("--ready-fd").ok());
}

}  // namespace
}  // namespace nacre::tee::emulator
