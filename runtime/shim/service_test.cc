#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include "api/containerd/metrics.pb.h"
#include "base/status_testing.h"
#include "base/strings.h"
#include "runtime/shim/shim_fixture.h"

namespace nacre::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
namespace task = containerd::task::v2;

std::string Said(const absl::Status& status) { return std::string(Message(status)); }

TEST_F(ShimTest, OneContainerFromStartToShutdown) {
  Bundle({"say", "to stdout", "to stderr", "7"});
  out_ = MakeFifo("out");
  err_ = MakeFifo("err");
  StartShim();
  ASSERT_OK(Create());
  ASSERT_OK(Start());
  EXPECT_EQ(Wait(), 7);
  EXPECT_EQ(ReadFifo(out_), "to stdout");
  EXPECT_EQ(ReadFifo(err_), "to stderr");
  const pid_t vm = VmPid(), shim = ShimPid();
  ASSERT_TRUE(Delete().ok());
  EXPECT_THAT(Topics(4),
              ElementsAre("/tasks/create", "/tasks/start", "/tasks/exit", "/tasks/delete"));
  EXPECT_TRUE(Gone(vm));
  EXPECT_FALSE(PathExists(sandbox_dir()));
  ASSERT_TRUE(Shutdown().ok());
  EXPECT_TRUE(Gone(shim));
  const auto deleted = RunShim("delete");
  ASSERT_TRUE(deleted.ok());
  EXPECT_EQ(deleted->exit.code, 0) << deleted->err;
  task::DeleteResponse response;
  EXPECT_TRUE(response.ParseFromString(deleted->out));
}

TEST_F(ShimTest, StdinReachesTheGuestAndEnds) {
  Bundle({"cat"});
  in_ = MakeFifo("in");
  out_ = MakeFifo("out");
  StartShim();
  ASSERT_OK(Create());
  ASSERT_OK(Start());
  {
    auto writer = OpenFile(in_, O_WRONLY);
    ASSERT_TRUE(writer.ok());
    ASSERT_TRUE(WriteAll(writer->get(), AsBytes("there and back")).ok());
  }
  EXPECT_EQ(Wait(), 0);
  EXPECT_EQ(ReadFifo(out_), "there and back");
}

TEST_F(ShimTest, CloseIoEndsStdinWhileTheClientHoldsItOpen) {
  Bundle({"cat"});
  in_ = MakeFifo("in");
  out_ = MakeFifo("out");
  StartShim();
  ASSERT_OK(Create());
  ASSERT_OK(Start());
  auto writer = OpenFile(in_, O_WRONLY);
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE(WriteAll(writer->get(), AsBytes("last words")).ok());
  auto close = About<task::CloseIORequest>();
  close.set_stdin(true);
  ASSERT_TRUE(Call("CloseIO", close).ok());
  EXPECT_EQ(Wait(), 0);
  EXPECT_EQ(ReadFifo(out_), "last words");
}

TEST_F(ShimTest, KilledVmEndsItsProcessesWith137) {
  Bundle({"sleep"});
  StartShim();
  ASSERT_OK(Create());
  ASSERT_OK(Start());
  ASSERT_EQ(::kill(VmPid(), SIGKILL), 0);
  EXPECT_EQ(Wait(), 137);
  EXPECT_THAT(Topics(3), ElementsAre("/tasks/create", "/tasks/start", "/tasks/exit"));
  EXPECT_TRUE(Delete().ok());
}

TEST_F(ShimTest, VmKilledBeforeStartIsAnExitToo) {
  Bundle({"sleep"});
  StartShim();
  ASSERT_OK(Create());
  ASSERT_EQ(::kill(VmPid(), SIGKILL), 0);
  EXPECT_EQ(Wait(), 137);
  EXPECT_THAT(Topics(2), ElementsAre("/tasks/create", "/tasks/exit"));
}

TEST_F(ShimTest, KilledShimLeavesNoVm) {
  Bundle({"sleep"});
  StartShim();
  ASSERT_OK(Create());
  ASSERT_OK(Start());
  const pid_t vm = VmPid();
  ASSERT_EQ(::kill(ShimPid(), SIGKILL), 0);
  EXPECT_TRUE(Gone(vm));
  client_.reset();
  const auto deleted = RunShim("delete");
  ASSERT_TRUE(deleted.ok());
  task::DeleteResponse response;
  ASSERT_TRUE(response.ParseFromString(deleted->out));
  EXPECT_EQ(response.exit_status(), 137u);
  EXPECT_TRUE(response.has_exited_at());
  EXPECT_FALSE(PathExists(sandbox_dir()));
}

TEST_F(ShimTest, SignalsReachTheProcess) {
  Bundle({"sleep"});
  StartShim();
  ASSERT_OK(Create());
  ASSERT_OK(Start());
  auto kill = About<task::KillRequest>();
  kill.set_signal(SIGTERM);
  ASSERT_TRUE(Call("Kill", kill).ok());
  EXPECT_EQ(Wait(), 143);
  EXPECT_TRUE(absl::IsNotFound(Call("Kill", kill).status()));
}

TEST_F(ShimTest, KillAllReachesEveryProcess) {
  Bundle({"sleep"});
  StartShim();
  ASSERT_OK(Create());
  ASSERT_OK(Start());
  auto exec = About<task::ExecProcessRequest>("second");
  exec.mutable_spec()->set_value(R"({"args":["sleep"],"cwd":"/"})");
  ASSERT_TRUE(Call("Exec", exec).ok());
  ASSERT_OK(Start("second"));
  auto kill = About<task::KillRequest>();
  kill.set_signal(SIGTERM);
  kill.set_all(true);
  ASSERT_TRUE(Call("Kill", kill).ok());
  EXPECT_EQ(Wait(), 143);
  EXPECT_EQ(Wait("second"), 143);
}

TEST_F(ShimTest, SecondProcessHasItsOwnStreamsAndExit) {
  Bundle({"sleep"});
  StartShim();
  ASSERT_OK(Create());
  ASSERT_OK(Start());
  auto exec = About<task::ExecProcessRequest>("second");
  exec.mutable_spec()->set_value(R"({"args":["say","hello","","5"],"cwd":"/"})");
  exec.set_stdout(MakeFifo("second-out"));
  ASSERT_TRUE(Call("Exec", exec).ok());
  EXPECT_TRUE(absl::IsAlreadyExists(Call("Exec", exec).status()));
  ASSERT_OK(Start("second"));
  EXPECT_EQ(Wait("second"), 5);
  EXPECT_EQ(ReadFifo(exec.stdout()), "hello");
  const auto state = Call<task::StateResponse>("State", About<task::StateRequest>("second"));
  ASSERT_TRUE(state.ok());
  EXPECT_EQ(state->status(), containerd::v1::types::STOPPED);
  EXPECT_EQ(state->exit_status(), 5u);
  EXPECT_TRUE(Delete("second").ok());
  EXPECT_THAT(Topics(6), ElementsAre("/tasks/create", "/tasks/start", "/tasks/exec-added",
                                     "/tasks/exec-started", "/tasks/exit", "/tasks/delete"));
  EXPECT_TRUE(absl::IsNotFound(Delete("second")));
}

TEST_F(ShimTest, BadExecsAreRefused) {
  Bundle({"sleep"});
  StartShim();
  auto exec = About<task::ExecProcessRequest>("second");
  exec.mutable_spec()->set_value("{}");
  EXPECT_TRUE(absl::IsNotFound(Call("Exec", exec).status()));  // nothing is created
  ASSERT_OK(Create());
  exec.mutable_spec()->set_value("not json");
  EXPECT_TRUE(absl::IsInvalidArgument(Call("Exec", exec).status()));
  exec.mutable_spec()->set_value("{}");
  exec.set_exec_id("../x");
  EXPECT_TRUE(absl::IsInvalidArgument(Call("Exec", exec).status()));
  exec.set_exec_id("third");
  exec.set_stdout("binary:///bin/logger");
  EXPECT_TRUE(absl::IsUnimplemented(Call("Exec", exec).status()));
  exec.set_stdout(folder_->path() + "/missing");
  EXPECT_TRUE(absl::IsNotFound(Call("Exec", exec).status()));
}

TEST_F(ShimTest, GuestsRefusalIsCreatesErrorOnOneLine) {
  Bundle({"sleep"}, "registry/refused");
  StartShim();
  const absl::Status status = Create();
  EXPECT_TRUE(absl::IsPermissionDenied(status)) << status;
  EXPECT_THAT(Said(status), HasSubstr("refused the key: launch measurement differs"));
  EXPECT_EQ(Said(status).find('\n'), std::string::npos);
  EXPECT_FALSE(PathExists(sandbox_dir()));
  EXPECT_TRUE(PathExists(state_dir() + "/last-failed-start/timeline.jsonl"));
  EXPECT_TRUE(absl::IsNotFound(Delete()));
}

TEST_F(ShimTest, LastWordsOfADyingGuestAreCreatesError) {
  Bundle({"sleep"}, "registry/dies");
  StartShim();
  EXPECT_THAT(Said(Create()), HasSubstr("guest ended while it started: initdata differs"));
}

TEST_F(ShimTest, SilentGuestIsADeadline) {
  extra_config_ = "create_timeout_ms = 1000\n";
  Bundle({"sleep"}, "registry/silent");
  StartShim();
  const absl::Status status = Create();
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  EXPECT_THAT(Said(status), HasSubstr("1000 ms (create_timeout_ms)"));
  EXPECT_THAT(Said(status), HasSubstr("agent_ready"));
}

TEST_F(ShimTest, ShutdownEndsACreateUnderWay) {
  Bundle({"sleep"}, "registry/silent");
  StartShim();
  std::thread create([this] { EXPECT_FALSE(Create().ok()); });
  // The VM's process is written down once it runs.
  while (!PathExists(sandbox_dir() + "/processes")) std::this_thread::yield();
  const pid_t shim = ShimPid();
  EXPECT_TRUE(Shutdown().ok());
  create.join();
  EXPECT_TRUE(Gone(shim));
  client_.reset();
}

TEST_F(ShimTest, ConfigurationErrorsNameTheKey) {
  extra_config_ = "create_timeout = 5\n";
  Bundle({"sleep"});
  StartShim();
  const absl::Status status = Create();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(Said(status), HasSubstr("create_timeout_ms"));
}

TEST_F(ShimTest, FailedStartCanBeDeleted) {
  Bundle({"no-such-program"});
  StartShim();
  ASSERT_OK(Create());
  EXPECT_TRUE(absl::IsNotFound(Start()));
  EXPECT_TRUE(Delete().ok());
  EXPECT_THAT(Topics(2), ElementsAre("/tasks/create", "/tasks/delete"));
}

TEST_F(ShimTest, CallsOutOfOrderAreRefused) {
  Bundle({"sleep"});
  StartShim();
  EXPECT_TRUE(absl::IsNotFound(Start()));
  EXPECT_TRUE(absl::IsNotFound(Delete()));
  ASSERT_OK(Create());
  EXPECT_TRUE(absl::IsAlreadyExists(Create()));
  ASSERT_OK(Start());
  EXPECT_TRUE(absl::IsFailedPrecondition(Start()));
  EXPECT_TRUE(absl::IsFailedPrecondition(Delete()));
  task::StateRequest other;
  other.set_id("other");
  EXPECT_TRUE(absl::IsNotFound(Call<task::StateResponse>("State", other).status()));
  for (const char* method : {"Pause", "Resume", "Checkpoint", "Update"}) {
    EXPECT_TRUE(absl::IsUnimplemented(Call(method, About<task::PauseRequest>()).status()));
  }
  EXPECT_TRUE(Shutdown().ok());  // means nothing while a task lives
  EXPECT_NE(VmPid(), 0);
}

TEST_F(ShimTest, StatsStatePidsAndResize) {
  Bundle({"sleep"});
  StartShim();
  ASSERT_OK(Create());
  auto state = Call<task::StateResponse>("State", About<task::StateRequest>());
  EXPECT_EQ(state->status(), containerd::v1::types::CREATED);
  ASSERT_OK(Start());
  state = Call<task::StateResponse>("State", About<task::StateRequest>());
  EXPECT_EQ(state->status(), containerd::v1::types::RUNNING);
  const auto pids = Call<task::PidsResponse>("Pids", About<task::PidsRequest>());
  ASSERT_EQ(pids->processes_size(), 1);
  EXPECT_EQ(static_cast<pid_t>(pids->processes(0).pid()), VmPid());
  const auto stats = Call<task::StatsResponse>("Stats", About<task::StatsRequest>());
  ASSERT_TRUE(stats.ok()) << stats.status();
  io::containerd::cgroups::v1::Metrics metrics;
  ASSERT_TRUE(metrics.ParseFromString(stats->stats().value()));
  EXPECT_EQ(metrics.pids().current(), 4u);
  EXPECT_TRUE(Call("ResizePty", About<task::ResizePtyRequest>()).ok());
}

TEST_F(ShimTest, SecondStartFindsTheLivingShim) {
  Bundle({"sleep"});
  StartShim();
  const auto again = RunShim("start");
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->exit.code, 0) << again->err;
  const auto address = ReadTextFile(bundle_ + "/address", 4096);
  EXPECT_EQ(again->out, *address);
}

TEST_F(ShimTest, UnreadOutputIsNotLostWhenTheProcessEnds) {
  const std::string big(200000, 'x');  // over a FIFO's 64 KiB
  Bundle({"say", big, "", "0"});
  out_ = MakeFifo("out");
  StartShim();
  ASSERT_OK(Create());
  ASSERT_OK(Start());
  EXPECT_EQ(ReadFifo(out_).size(), big.size());
  EXPECT_EQ(Wait(), 0);
}

}  // namespace
}  // namespace nacre::runtime
