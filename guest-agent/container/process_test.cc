#include "guest-agent/container/process.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <thread>

#include "base/file.h"
#include "guest-agent/container/cgroup.h"

namespace nacre::guest_agent {
namespace {

// A child that ends as `end` says once a byte (or the end) comes on its input.
class ProcessTest : public ::testing::Test {
 protected:
  template <typename End>
  std::shared_ptr<Process> Spawn(End end) {
    StdioPipes pipes = MakeStdioPipes(false).value();
    const pid_t pid = fork();
    if (pid == 0) {
      // The agent's end came along with the fork; without it, closing the other one is the end.
      close(pipes.input->fd());
      char byte;
      (void)!read(pipes.child_input.get(), &byte, 1);
      end();
      _exit(99);
    }
    return Process::Adopt(pid, {pipes.input, pipes.output, pipes.error, false}).value();
  }
};

TEST_F(ProcessTest, ExitCodeCanBeAskedForAgainAndAgain) {
  const auto process = Spawn([] { _exit(42); });
  EXPECT_EQ(process->Wait({}, 0).status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_FALSE(process->exit_known());
  process->CloseInput();
  EXPECT_EQ(*process->Wait(), 42);
  EXPECT_EQ(*process->Wait(), 42);
  EXPECT_TRUE(process->exit_known());
  EXPECT_TRUE(process->Signal(SIGKILL).ok());
}

TEST_F(ProcessTest, ASignalIsReportedAsShellsDo) {
  const auto process = Spawn([] {});
  ASSERT_TRUE(process->Signal(SIGKILL).ok());
  EXPECT_EQ(*process->Wait(), 128 + SIGKILL);
}

TEST_F(ProcessTest, AllWaitersLearnTheSame) {
  const auto process = Spawn([] { _exit(3); });
  std::vector<std::thread> waiters;
  for (int i = 0; i < 4; ++i) waiters.emplace_back([&] { EXPECT_EQ(*process->Wait(), 3); });
  process->CloseInput();
  for (std::thread& waiter : waiters) waiter.join();
}

TEST_F(ProcessTest, CloseAndAStoppedCallerEndTheWait) {
  const auto process = Spawn([] { _exit(0); });
  std::stop_source source;
  std::thread stopped([&] {
    EXPECT_EQ(process->Wait(source.get_token()).status().code(), absl::StatusCode::kCancelled);
  });
  source.request_stop();
  stopped.join();
  std::thread closed(
      [&] { EXPECT_EQ(process->Wait().status().code(), absl::StatusCode::kCancelled); });
  process->Signal(SIGSTOP).IgnoreError();  // so that closing its input does not end it first
  process->Close();
  closed.join();
  EXPECT_EQ(process->output()->Read(1).status().code(), absl::StatusCode::kCancelled);
  process->Signal(SIGKILL).IgnoreError();
}

TEST_F(ProcessTest, WithoutATerminalThereIsNothingToResize) {
  const auto process = Spawn([] { _exit(0); });
  EXPECT_EQ(process->ResizeTerminal(24, 80).code(), absl::StatusCode::kFailedPrecondition);
  process->CloseInput();
  EXPECT_EQ(process->input(), nullptr);
  EXPECT_TRUE(process->Wait().ok());
}

class CgroupTest : public ::testing::Test {
 protected:
  void Write(const char* name, std::string_view text) {
    ASSERT_TRUE(WriteFile(folder_.path() + "/" + name, AsBytes(text)).ok());
  }
  TemporaryDirectory folder_ = TemporaryDirectory::Create("cgroup").value();
};

TEST_F(CgroupTest, StatsComeFromTheKernelsFiles) {
  Write("cpu.stat", "usage_usec 5\nuser_usec 3\nsystem_usec 2\nnr_throttled 7\n");
  Write("memory.current", "4096\n");
  Write("memory.max", "max\n");
  Write("memory.stat", "file 100\nkernel 20\nbad\nworse x\n");
  Write("pids.current", "2\n");
  Write("io.stat", "254:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0\nnonsense\n");
  const grpc::CgroupStats stats = ReadCgroupStats(folder_.path());
  EXPECT_EQ(stats.cpu_stats().cpu_usage().total_usage(), 5000u);
  EXPECT_EQ(stats.cpu_stats().throttling_data().throttled_periods(), 7u);
  EXPECT_EQ(stats.memory_stats().usage().usage(), 4096u);
  EXPECT_EQ(stats.memory_stats().usage().limit(), UINT64_MAX);
  EXPECT_EQ(stats.memory_stats().cache(), 100u);
  EXPECT_EQ(stats.memory_stats().stats().at("kernel"), 20u);
  EXPECT_EQ(stats.pids_stats().current(), 2u);
  EXPECT_EQ(stats.blkio_stats().io_service_bytes_recursive_size(), 2);
  EXPECT_EQ(stats.blkio_stats().io_service_bytes_recursive(0).major(), 254u);
}

TEST_F(CgroupTest, MissingFilesReadAsZero) {
  const grpc::CgroupStats stats = ReadCgroupStats(folder_.path() + "/none");
  EXPECT_EQ(stats.memory_stats().usage().usage(), 0u);
  EXPECT_EQ(SignalCgroup(folder_.path() + "/none", SIGTERM).code(), absl::StatusCode::kNotFound);
}

TEST_F(CgroupTest, OomKillsAreReportedOnceEach) {
  Write("memory.events", "oom 0\noom_kill 0\n");
  const auto watcher = OomWatcher::Create().value();
  watcher->Watch("c1", folder_.path());
  watcher->Watch("gone", folder_.path() + "/none");
  std::thread waiter([&] { EXPECT_EQ(*watcher->Next({}), "c1"); });
  Write("memory.events", "oom 1\noom_kill 1\n");
  waiter.join();
  std::stop_source source;
  std::thread quiet([&] {
    EXPECT_EQ(watcher->Next(source.get_token()).status().code(), absl::StatusCode::kCancelled);
  });
  source.request_stop();
  quiet.join();
  watcher->Forget("c1");
  watcher->Forget("c1");
}

}  // namespace
}  // namespace nacre::guest_agent
