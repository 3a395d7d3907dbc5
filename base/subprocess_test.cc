#include "base/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>

#include <thread>

#include "base/file.h"
#include "base/status_testing.h"
#include "base/strings.h"

namespace nacre {
namespace {

absl::StatusOr<CommandResult> Shell(const std::string& script, ByteView input = {}) {
  SubprocessOptions options;
  options.argv = {"/bin/sh", "-c", script};
  return RunCommand(std::move(options), input);
}

TEST(SubprocessTest, CollectsOutputsAndExitCode) {
  ASSERT_OK_AND_ASSIGN(CommandResult result, Shell("echo out; echo err >&2; exit 3"));
  EXPECT_EQ(result.out, "out\n");
  EXPECT_EQ(result.err, "err\n");
  EXPECT_EQ(result.exit.code, 3);
  EXPECT_FALSE(result.exit.signaled);
}

TEST(SubprocessTest, KilledBySignalIs128PlusSignal) {
  ASSERT_OK_AND_ASSIGN(CommandResult result, Shell("kill -TERM $$"));
  EXPECT_EQ(result.exit.code, 128 + SIGTERM);
  EXPECT_TRUE(result.exit.signaled);
}

TEST(SubprocessTest, FeedsInputLargerThanAPipe) {
  Bytes input(300000, 'x');
  ASSERT_OK_AND_ASSIGN(CommandResult result, Shell("wc -c", input));
  EXPECT_EQ(StripSpace(result.out), "300000");
}

TEST(SubprocessTest, InputNobodyReadsIsNoError) {
  Bytes input(300000, 'x');
  ASSERT_OK_AND_ASSIGN(CommandResult result, Shell("exec <&-; echo done", input));
  EXPECT_EQ(result.out, "done\n");
}

TEST(SubprocessTest, OutputAtAndAboveTheLimit) {
  SubprocessOptions options;
  options.argv = {"/bin/sh", "-c", "printf 12345"};
  EXPECT_EQ(RunCommand(options, {}, 5)->out, "12345");
  EXPECT_STATUS(RunCommand(options, {}, 4), kResourceExhausted, "more than 4 bytes");
}

TEST(SubprocessTest, DeadlineKillsTheChild) {
  SubprocessOptions options;
  options.argv = {"sleep", "1000"};
  EXPECT_STATUS(RunCommand(options, {}, 100, 20), kDeadlineExceeded, "sleep: still running");
}

TEST(SubprocessTest, DoesNotWaitForGrandchildren) {
  ASSERT_OK_AND_ASSIGN(CommandResult result, Shell("sleep 30 & echo $!"));
  pid_t grandchild = 0;
  ASSERT_TRUE(ParseNumber(StripSpace(result.out), &grandchild));
  EXPECT_EQ(::kill(grandchild, SIGKILL), 0);
}

TEST(SubprocessTest, MissingProgramIsNotFoundAndNamed) {
  SubprocessOptions options;
  options.argv = {"no-such-program-here"};
  EXPECT_STATUS(Subprocess::Start(options), kNotFound, "no-such-program-here");
  options.argv = {"/no/such/program"};
  EXPECT_STATUS(Subprocess::Start(options), kNotFound, "/no/such/program");
  options.argv = {"/dev/null"};
  EXPECT_STATUS(Subprocess::Start(options), kPermissionDenied, "/dev/null");
  options.argv = {};
  EXPECT_STATUS(Subprocess::Start(options), kInvalidArgument, "empty argv");
}

TEST(SubprocessTest, MissingFolderIsNamed) {
  SubprocessOptions options;
  options.argv = {"/bin/true"};
  options.working_directory = "/no/such/folder";
  EXPECT_STATUS(Subprocess::Start(options), kNotFound, "changing folder to /no/such/folder");
}

TEST(SubprocessTest, EnvironmentAndFolderAreTheGivenOnes) {
  SubprocessOptions options;
  options.argv = {"/bin/sh", "-c", "echo $GREETING; pwd; echo ${HOME-unset}"};
  options.env = {"GREETING=hello"};
  options.working_directory = "/usr";
  ASSERT_OK_AND_ASSIGN(CommandResult result, RunCommand(options));
  EXPECT_EQ(result.out, "hello\n/usr\nunset\n");
}

TEST(SubprocessTest, OnlyTheGivenDescriptorsReachTheChild) {
  UniqueFd leaked(::open("/dev/null", O_RDONLY));  // deliberately without O_CLOEXEC
  ASSERT_TRUE(leaked.valid());
  ASSERT_OK_AND_ASSIGN(TemporaryDirectory folder, TemporaryDirectory::Create("subprocess"));
  std::string path = folder.path() + "/passed";
  ASSERT_OK(WriteFile(path, AsBytes("passed on")));
  ASSERT_OK_AND_ASSIGN(UniqueFd passed, OpenFile(path, O_RDONLY));
  SubprocessOptions options;
  options.argv = {"/bin/sh", "-c", "cat <&7; echo; cd /proc/self/fd && echo *"};
  options.inherit = {{passed.get(), 7}};
  ASSERT_OK_AND_ASSIGN(CommandResult result, RunCommand(options));
  std::vector<std::string_view> lines = StrSplit(result.out, '\n');
  EXPECT_EQ(lines[0], "passed on");
  // The shell itself may hold one descriptor of the folder it lists.
  EXPECT_TRUE(lines[1] == "0 1 2 7" || lines[1] == "0 1 2 3 7") << lines[1];
}

TEST(SubprocessTest, DescriptorsMayChangePlaces) {
  ASSERT_OK_AND_ASSIGN(TemporaryDirectory folder, TemporaryDirectory::Create("subprocess"));
  ASSERT_OK(WriteFile(folder.path() + "/a", AsBytes("A")));
  ASSERT_OK(WriteFile(folder.path() + "/b", AsBytes("B")));
  ASSERT_OK_AND_ASSIGN(UniqueFd a, OpenFile(folder.path() + "/a", O_RDONLY));
  ASSERT_OK_AND_ASSIGN(UniqueFd b, OpenFile(folder.path() + "/b", O_RDONLY));
  SubprocessOptions options;
  options.argv = {"/bin/sh", "-c", StrCat("cat <&", b.get(), "; cat <&", a.get())};
  options.inherit = {{a.get(), b.get()}, {b.get(), a.get()}};
  ASSERT_OK_AND_ASSIGN(CommandResult result, RunCommand(options));
  EXPECT_EQ(result.out, "AB");
}

TEST(SubprocessTest, RefusesImpossibleDescriptors) {
  SubprocessOptions options;
  options.argv = {"/bin/true"};
  options.inherit = {{0, 5}, {1, 5}};
  EXPECT_STATUS(Subprocess::Start(options), kInvalidArgument, "descriptor 5 given twice");
  options.inherit = {{0, 2}};
  EXPECT_STATUS(Subprocess::Start(options), kInvalidArgument, "bad inherited descriptor 2");
  options.inherit = {{1000000, 5}};
  EXPECT_STATUS(Subprocess::Start(options), kInternal, "passing descriptors");
}

TEST(SubprocessTest, SignalsStartAtTheirDefaults) {
  sigset_t blocked;
  sigset_t before;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
  auto old_handler = ::signal(SIGTERM, SIG_IGN);
  absl::StatusOr<CommandResult> result = Shell("kill -TERM $$; echo survived");
  ::signal(SIGTERM, old_handler);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ASSERT_OK(result);
  EXPECT_EQ(result->exit.code, 128 + SIGTERM);
}

TEST(SubprocessTest, NewSession) {
  SubprocessOptions options;
  options.argv = {"/bin/sh", "-c", "cut -d' ' -f1,6 /proc/$$/stat"};
  options.new_session = true;
  ASSERT_OK_AND_ASSIGN(CommandResult result, RunCommand(options));
  std::vector<std::string_view> fields = StrSplit(StripSpace(result.out), ' ');
  ASSERT_EQ(fields.size(), 2u) << result.out;
  EXPECT_EQ(fields[0], fields[1]) << "session id is not the child's own";
}

TEST(SubprocessTest, WaitIsRepeatableAndPidfdTellsTheEnd) {
  SubprocessOptions options;
  options.argv = {"/bin/sh", "-c", "exit 5"};
  ASSERT_OK_AND_ASSIGN(Subprocess child, Subprocess::Start(options));
  pollfd fd = {child.pidfd(), POLLIN, 0};
  ASSERT_EQ(::poll(&fd, 1, 10000), 1);
  EXPECT_EQ(child.Wait()->code, 5);
  EXPECT_EQ(child.Wait()->code, 5);
  EXPECT_EQ(child.WaitFor(0)->code, 5);
  EXPECT_STATUS(child.Kill(SIGTERM), kNotFound, "signal 15");
}

TEST(SubprocessTest, WaitForGivesUpAndKillEnds) {
  SubprocessOptions options;
  options.argv = {"sleep", "1000"};
  ASSERT_OK_AND_ASSIGN(Subprocess child, Subprocess::Start(options));
  EXPECT_STATUS(child.WaitFor(1), kDeadlineExceeded, "still runs after 1 ms");
  EXPECT_OK(child.Kill(SIGKILL));
  EXPECT_EQ(child.Wait()->code, 128 + SIGKILL);
}

TEST(SubprocessTest, ManyThreadsStartChildrenAtOnce) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([i] {
      for (int k = 0; k < 5; ++k) {
        ASSERT_OK_AND_ASSIGN(CommandResult result, Shell(StrCat("cat; exit ", i), AsBytes("in")));
        EXPECT_EQ(result.exit.code, i);
        EXPECT_EQ(result.out, "in");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace nacre
