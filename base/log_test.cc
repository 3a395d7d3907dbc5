#include "base/log.h"

#include <fcntl.h>
#include <unistd.h>

#include <thread>

#include "base/file.h"
#include "base/json.h"
#include "base/status_testing.h"

namespace nacre {
namespace {

// The log is the process's own: each test sends it to a file and back.
class LogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(TemporaryDirectory made, TemporaryDirectory::Create("log-test"));
    folder_ = std::make_unique<TemporaryDirectory>(std::move(made));
    ASSERT_OK_AND_ASSIGN(fd_, OpenFile(Path(), O_CREAT | O_WRONLY | O_APPEND, 0600));
    InitLog("log-test", fd_.get(), LogLevel::kInfo);
  }
  void TearDown() override { InitLog("nacre", 2, LogLevel::kInfo); }

  std::string Path() const { return folder_->path() + "/log"; }
  std::vector<Json> Lines() {
    std::string text = *ReadTextFile(Path(), 1 << 20);
    EXPECT_TRUE(text.empty() || text.back() == '\n');
    std::vector<Json> lines;
    for (std::string_view line : StrSplit(text, '\n')) {
      if (line.empty()) continue;
      absl::StatusOr<Json> parsed = ParseJson(line);
      EXPECT_OK(parsed) << line;
      if (parsed.ok()) lines.push_back(*std::move(parsed));
    }
    return lines;
  }

  std::unique_ptr<TemporaryDirectory> folder_;
  UniqueFd fd_;
};

TEST_F(LogTest, OneJsonObjectALine) {
  Log(LogLevel::kWarning, "started",
      {{"text", "quote \" and\nline"}, {"count", -3}, {"big", UINT64_MAX}, {"yes", true}});
  std::vector<Json> lines = Lines();
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0]["level"], "warning");
  EXPECT_EQ(lines[0]["program"], "log-test");
  EXPECT_EQ(lines[0]["event"], "started");
  EXPECT_EQ(lines[0]["text"], "quote \" and\nline");
  EXPECT_EQ(lines[0]["count"], -3);
  EXPECT_EQ(lines[0]["big"], UINT64_MAX);
  EXPECT_EQ(lines[0]["yes"], true);
  EXPECT_THAT(lines[0]["ts"].get<std::string>(),
              ::testing::MatchesRegex("....-..-..T..:..:..\\....Z"));
}

TEST_F(LogTest, BelowTheMinimumNothingIsWritten) {
  Log(LogLevel::kDebug, "hidden");
  EXPECT_TRUE(Lines().empty());
  Log(LogLevel::kInfo, "shown");
  EXPECT_EQ(Lines().size(), 1u);
}

TEST_F(LogTest, TextIsCutPastTheLimitAndAlwaysValid) {
  Log(LogLevel::kInfo, "sizes",
      {{"at", std::string(2048, 'a')}, {"above", std::string(2049, 'a')}, {"bad", "\xff\x01"}});
  std::vector<Json> lines = Lines();
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0]["at"].get<std::string>().size(), 2048u);
  EXPECT_EQ(lines[0]["above"].get<std::string>(), std::string(2048, 'a') + "...");
  EXPECT_EQ(lines[0]["bad"], "\uFFFD\x01");
}

TEST_F(LogTest, ThreadsDoNotInterleave) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([i] {
      for (int k = 0; k < 50; ++k) Log(LogLevel::kInfo, "line", {{"thread", i}, {"k", k}});
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Lines().size(), 400u);
}

TEST_F(LogTest, ALogThatCannotBeWrittenIsNoError) {
  InitLog("log-test", -1, LogLevel::kInfo);
  errno = 0;
  Log(LogLevel::kError, "lost");
  EXPECT_EQ(errno, 0) << "errno of the caller must survive";
}

}  // namespace
}  // namespace nacre
