#include "runtime/hypervisor/process_record.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "base/file.h"
#include "base/strings.h"
#include "base/subprocess.h"

namespace nacre::runtime {
namespace {

class ProcessRecord : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryDirectory::Create("record");
    ASSERT_TRUE(folder.ok());
    folder_.emplace(std::move(*folder));
  }
  Subprocess Sleeper() {
    SubprocessOptions options;
    options.argv = {"sleep", "1000"};
    options.parent_death_signal = SIGKILL;
    auto child = Subprocess::Start(options);
    EXPECT_TRUE(child.ok()) << child.status();
    return *std::move(child);
  }
  void Write(std::string_view text) {
    ASSERT_TRUE(WriteFile(folder_->path() + "/processes", AsBytes(text)).ok());
  }
  std::optional<TemporaryDirectory> folder_;
};

TEST_F(ProcessRecord, RecordedProcessesAreKilled) {
  Subprocess one = Sleeper(), two = Sleeper();
  ASSERT_TRUE(RecordProcess(folder_->path(), "qemu", one.pid()).ok());
  ASSERT_TRUE(RecordProcess(folder_->path(), "emulator", two.pid()).ok());
  EXPECT_TRUE(KillRecordedProcesses(folder_->path(), 10000).ok());
  EXPECT_EQ(one.Wait()->code, 128 + SIGKILL);
  EXPECT_EQ(two.Wait()->code, 128 + SIGKILL);
  EXPECT_TRUE(KillRecordedProcesses(folder_->path(), 10000).ok());  // gone already
}

TEST_F(ProcessRecord, ALaterProcessWithThePidIsLeftAlone) {
  Subprocess child = Sleeper();
  const auto start_time = ProcessStartTime(child.pid());
  ASSERT_TRUE(start_time.ok());
  Write(StrCat("qemu ", child.pid(), " ", *start_time + 1, "\n"));
  EXPECT_TRUE(KillRecordedProcesses(folder_->path(), 1000).ok());
  EXPECT_TRUE(absl::IsDeadlineExceeded(child.WaitFor(0).status()));
  ASSERT_TRUE(child.Kill(SIGKILL).ok());
  EXPECT_TRUE(child.Wait().ok());
}

TEST_F(ProcessRecord, MissingRecordIsNothingToDo) {
  EXPECT_TRUE(KillRecordedProcesses(folder_->path(), 0).ok());
}

TEST_F(ProcessRecord, DamagedLinesAreErrorsAndOthersStillDie) {
  Subprocess child = Sleeper();
  for (const char* line : {"qemu", "qemu x 1", "qemu -1 1", "qemu 0 1", "qemu 1 1", "qemu 2 x"}) {
    Write(StrCat(line, "\n"));
    EXPECT_EQ(KillRecordedProcesses(folder_->path(), 0).code(), absl::StatusCode::kInvalidArgument)
        << line;
  }
  Write("damaged\n");
  ASSERT_TRUE(RecordProcess(folder_->path(), "qemu", child.pid()).ok());
  EXPECT_FALSE(KillRecordedProcesses(folder_->path(), 10000).ok());
  EXPECT_EQ(child.Wait()->code, 128 + SIGKILL);
}

TEST_F(ProcessRecord, NoProcessNoStartTime) {
  EXPECT_TRUE(absl::IsNotFound(ProcessStartTime(0x3fffffff).status()));
  EXPECT_TRUE(ProcessStartTime(::getpid()).ok());
}

}  // namespace
}  // namespace nacre::runtime
