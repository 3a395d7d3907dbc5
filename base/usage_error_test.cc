#include "base/usage_error.h"

#include <gtest/gtest.h>

namespace nacre {
namespace {

// What the command answers to these words; "" when they are fine.
std::string Ask(std::vector<std::string> words) {
  CLI::App app("test", "nacre");
  CLI::App* run = app.add_subcommand("run");
  std::string id;
  run->add_option("--kernel-arg", id);
  run->add_option("--timeline", id);
  CLI::App* kbs = app.add_subcommand("kbs");
  kbs->require_subcommand(1);
  CLI::App* resource = kbs->add_subcommand("resource");
  resource->add_option("--url", id)->required();
  app.add_subcommand("measure");
  app.require_subcommand(1);
  std::reverse(words.begin(), words.end());
  try {
    app.parse(words);
  } catch (const CLI::ParseError& error) {
    return DescribeUsageError(app, error);
  }
  return "";
}

TEST(UsageError, RightWordsAreFine) {
  EXPECT_EQ(Ask({"run"}), "");
  EXPECT_EQ(Ask({"kbs", "resource", "--url", "x"}), "");
}

TEST(UsageError, UnknownVerbsAreNamedWithTheNearest) {
  EXPECT_EQ(Ask({"mesure"}), "nacre: unknown verb 'mesure'; did you mean 'measure'?");
  EXPECT_EQ(Ask({"xyzzy"}), "nacre: unknown verb 'xyzzy'; known are run kbs measure");
  EXPECT_EQ(Ask({"kbs", "resorce"}), "nacre kbs: unknown verb 'resorce'; did you mean 'resource'?");
}

TEST(UsageError, AMissingVerbIsSaid) {
  EXPECT_EQ(Ask({}), "nacre: a verb is missing; see 'nacre --help'");
  EXPECT_EQ(Ask({"kbs"}), "nacre kbs: a verb is missing; see 'nacre kbs --help'");
}

TEST(UsageError, UnknownOptionsAreNamedWithTheNearest) {
  EXPECT_EQ(Ask({"run", "--timelime"}),
            "nacre run: unknown option '--timelime'; did you mean '--timeline'?");
  EXPECT_EQ(Ask({"run", "--kernel-argument", "x"}),
            "nacre run: unknown option '--kernel-argument'; did you mean '--kernel-arg'?");
  EXPECT_EQ(Ask({"run", "--timelime=1"}),
            "nacre run: unknown option '--timelime'; did you mean '--timeline'?");
  EXPECT_EQ(Ask({"--xyzzy", "run"}), "nacre run: unknown option '--xyzzy'");
  EXPECT_EQ(Ask({"kbs", "resource", "--ur", "x"}),
            "nacre kbs resource: unknown option '--ur'; did you mean '--url'?");
}

TEST(UsageError, OtherMistakesAreOneLine) {
  EXPECT_EQ(Ask({"run", "word"}), "nacre run: unexpected argument 'word'");
  EXPECT_EQ(Ask({"kbs", "resource"}), "nacre kbs resource: --url is required");
  EXPECT_EQ(Ask({"run", "--timeline"}).find('\n'), std::string::npos);
}

}  // namespace
}  // namespace nacre
