#include "runtime/hypervisor/console_recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/json.h"
#include "base/strings.h"

namespace nacre::runtime {
namespace {

using ::testing::HasSubstr;

class Console : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryDirectory::Create("console");
    ASSERT_TRUE(folder.ok());
    folder_.emplace(std::move(*folder));
    auto recorder = ConsoleRecorder::Open(folder_->path(), std::chrono::steady_clock::now());
    ASSERT_TRUE(recorder.ok()) << recorder.status();
    recorder_ = std::move(*recorder);
  }
  void Say(std::string_view text) { recorder_->Feed(AsBytes(text)); }
  std::string File(std::string_view name) {
    const auto text = ReadTextFile(StrCat(folder_->path(), "/", name), 4 << 20);
    return text.ok() ? *text : "";
  }
  std::vector<std::string> Events() {
    std::vector<std::string> events;
    const std::string timeline = File("timeline.jsonl");
    for (std::string_view line : StrSplit(timeline, '\n')) {
      if (const auto entry = ParseJson(line); entry.ok()) events.push_back((*entry)["event"]);
    }
    return events;
  }
  std::optional<TemporaryDirectory> folder_;
  std::unique_ptr<ConsoleRecorder> recorder_;
};

TEST_F(Console, MilestonesGetHostTimesInOrder) {
  Say("[    0.1] Linux\r\n{\"event\":\"kernel_started\",\"level\":\"info\"}\r\n{\"event\":\"age");
  Say("nt_ready\"}\r\n{\"event\":\"something_else\"}\n");
  recorder_->Mark("container_created");
  EXPECT_THAT(Events(),
              ::testing::ElementsAre("kernel_started", "agent_ready", "container_created"));
  EXPECT_THAT(File("timeline.jsonl"), HasSubstr("\"ms\":"));
  EXPECT_THAT(File("console.log"), HasSubstr("[    0.1] Linux"));
}

TEST_F(Console, KernelTextMayPrecedeAnEventOnItsLine) {
  Say("[    1.0] random: {\"event\":\"agent_ready\"}\n");
  Say("{\"event\":\"attested\"} and more\n");
  EXPECT_THAT(Events(), ::testing::ElementsAre("agent_ready"));
}

TEST_F(Console, ReasonPrefersRefusalThenPanicThenLastLine) {
  EXPECT_EQ(recorder_->Reason(), "");
  Say("hello\n");
  EXPECT_EQ(recorder_->Reason(), "hello");
  Say("Kernel panic - not syncing: no init\n---[ end ]---\n");
  EXPECT_THAT(recorder_->Reason(), HasSubstr("Kernel panic"));
  Say("{\"event\":\"agent_refused\",\"error\":\"initdata digest differs\"}\nlast\n");
  Say("{\"event\":\"init_failed\",\"error\":\"a second one\"}\n");
  EXPECT_EQ(recorder_->Reason(), "initdata digest differs");
}

TEST_F(Console, ReasonIsPrintableAndBounded) {
  Say("\x1b[31mred\x07\n");
  EXPECT_EQ(recorder_->Reason(), "?[31mred?");
  Say("{\"event\":\"init_failed\",\"error\":\"a\\nb\\u0000" + std::string(2000, 'x') + "\"}\n");
  EXPECT_EQ(recorder_->Reason().size(), kMaxReason);
  EXPECT_THAT(recorder_->Reason(), ::testing::StartsWith("a?b?x"));
}

TEST_F(Console, DamagedEventsAreOnlyText) {
  for (const char* line : {"{", "{}", "{\"event\":1}", "{\"event\":\"agent_refused\"}", "{{{{{{",
                           "{\"event\":\"agent_ready\"", "[\"event\"]", "{\"event\":\"\xff\"}"}) {
    Say(StrCat(line, "\n"));
  }
  EXPECT_TRUE(Events().empty());
  EXPECT_TRUE(recorder_->status().ok());
}

TEST_F(Console, TimelineIsBounded) {
  for (size_t i = 0; i < kMaxTimelineEntries + 10; ++i) Say("{\"event\":\"attested\"}\n");
  EXPECT_EQ(Events().size(), kMaxTimelineEntries);
}

TEST_F(Console, FloodKeepsTwoBoundedFiles) {
  const std::string flood(64 << 10, 'x');
  for (int i = 0; i < 40; ++i) Say(flood);
  EXPECT_LE(File("console.log").size(), kMaxConsoleFile);
  EXPECT_LE(File("console.log.1").size(), kMaxConsoleFile);
  EXPECT_GT(File("console.log.1").size(), kMaxConsoleFile / 2);
  EXPECT_LE(recorder_->Reason().size(), kMaxReason);
}

}  // namespace
}  // namespace nacre::runtime
