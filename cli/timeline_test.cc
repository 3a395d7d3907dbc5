#include "cli/timeline.h"

#include "base/status_testing.h"

namespace nacre::cli {
namespace {

TEST(Timeline, IsSortedAndAligned) {
  ASSERT_OK_AND_ASSIGN(std::string text, FormatTimeline("{\"event\":\"agent_ready\",\"ms\":612}\n"
                                                        "{\"event\":\"kernel_started\",\"ms\":40}\n"
                                                        "\n"
                                                        "{\"event\":\"attested\",\"ms\":1612}\n"));
  EXPECT_EQ(text,
            "timeline                     ms        +\n"
            "kernel_started               40      +40\n"
            "agent_ready                 612     +572\n"
            "attested                   1612    +1000\n");
}

TEST(Timeline, NoEventsIsAHeading) {
  EXPECT_EQ(FormatTimeline("").value(), "timeline                     ms        +\n");
}

TEST(Timeline, BadLinesAreNamed) {
  for (const char* bad : {"x", "[]", "{\"event\":\"a\"}", "{\"ms\":1}", "{\"event\":1,\"ms\":1}",
                          "{\"event\":\"a\",\"ms\":-1}", "{\"event\":\"a\",\"ms\":\"1\"}"}) {
    EXPECT_STATUS(FormatTimeline(StrCat("{\"event\":\"a\",\"ms\":1}\n", bad, "\n")),
                  kInvalidArgument, "timeline line 2");
  }
}

TEST(Timeline, AMissingConfigurationOrFileIsNamed) {
  EXPECT_STATUS(ReadTimeline("/nonexistent.toml", "n", "i"), kNotFound, "/nonexistent.toml");
}

}  // namespace
}  // namespace nacre::cli
