// `nacre run` against the real containerd, with runc in the place of the confidential runtime.

#include "cli/run.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>

#include <cstring>
#include <filesystem>

#include "base/file.h"
#include "base/status_testing.h"
#include "base/subprocess.h"

namespace nacre::cli {
namespace {

using testing::HasSubstr;

constexpr int kPatienceMs = 20'000;

// containerd in a folder of its own, and a root file system of busybox.
class RunVerb : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* program : {"/usr/bin/containerd", "/usr/sbin/runc", "/bin/busybox"}) {
      if (!PathExists(program)) GTEST_SKIP() << program << " is not installed";
    }
    if (geteuid() != 0) GTEST_SKIP() << "containerd needs root";
    ASSERT_OK_AND_ASSIGN(TemporaryDirectory folder, TemporaryDirectory::Create("cli-run"));
    folder_.emplace(std::move(folder));
    MakeRootfs();
    StartContainerd();
  }

  void TearDown() override {
    if (!containerd_) return;
    EXPECT_EQ(Ctr({"container", "ls", "-q"}), "") << "a container was left behind";
    EXPECT_EQ(Ctr({"task", "ls", "-q"}), "") << "a task was left behind";
    EXPECT_EQ(Command({"find", Path("tmp"), "-name", "nacre-run*"}).out, "");
    EXPECT_OK(containerd_->Kill(SIGTERM));
    EXPECT_OK(containerd_->WaitFor(kPatienceMs));
  }

  std::string Path(std::string_view name) const { return StrCat(folder_->path(), "/", name); }

  void MakeRootfs() {
    for (const char* name : {"rootfs/bin", "rootfs/proc", "rootfs/sys", "rootfs/dev", "tmp"}) {
      ASSERT_OK(MakeDirectories(Path(name)));
    }
    Command({"cp", "/bin/busybox", Path("rootfs/bin/busybox")});
    for (const char* name : {"cat", "echo", "env", "sh", "sleep", "true"}) {
      std::filesystem::create_symlink("busybox", Path(StrCat("rootfs/bin/", name)));
    }
  }

  // Ready when it says so on its notification socket.
  void StartContainerd() {
    ASSERT_OK(WriteFile(
        Path("config.toml"),
        AsBytes(StrCat("version = 2\nroot = \"", Path("root"), "\"\nstate = \"", Path("state"),
                       "\"\n[grpc]\naddress = \"", socket(), "\"\n[ttrpc]\naddress = \"", socket(),
                       ".ttrpc\"\n", "disabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n"))));
    unlink(Path("notify").c_str());
    UniqueFd ready(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, Path("notify").c_str(), sizeof address.sun_path - 1);
    ASSERT_EQ(bind(ready.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_OK_AND_ASSIGN(UniqueFd log, OpenFile(Path("log"), O_WRONLY | O_CREAT, 0600));
    auto started =
        Subprocess::Start({.argv = {"/usr/bin/containerd", "--config", Path("config.toml")},
                           .env = std::vector<std::string>{"PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                                                           "NOTIFY_SOCKET=" + Path("notify")},
                           .stdout_fd = log.get(),
                           .stderr_fd = log.get(),
                           .parent_death_signal = SIGKILL});
    ASSERT_OK(started);
    containerd_.emplace(std::move(started).value());
    pollfd event = {ready.get(), POLLIN, 0};
    ASSERT_EQ(poll(&event, 1, kPatienceMs), 1) << ReadTextFile(Path("log"), 1 << 20).value();
  }

  std::string socket() const { return Path("c.sock"); }

  CommandResult Command(std::vector<std::string> argv, std::string_view input = "") {
    auto result = RunCommand({.argv = std::move(argv)}, AsBytes(input), 64 << 20);
    EXPECT_OK(result);
    return std::move(result).value();
  }
  std::string Ctr(std::vector<std::string> words) {
    words.insert(words.begin(), {"ctr", "--address", socket(), "--namespace", "nacre"});
    return Command(words).out;
  }
  std::vector<std::string> Nacre(std::vector<std::string> words) const {
    words.insert(words.begin(),
                 {"env", "TMPDIR=" + Path("tmp"), NACRE_BIN_DIR "/nacre", "run", "--address",
                  socket(), "--runtime", "io.containerd.runc.v2", "--rootfs", Path("rootfs")});
    return words;
  }
  CommandResult Run(std::vector<std::string> words, std::string_view input = "") {
    return Command(Nacre(std::move(words)), input);
  }

  // A run under way: its pid and its standard output, read up to "started".
  struct Started {
    Subprocess process;
    UniqueFd out;
  };
  Started Begin(const std::string& script) {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    UniqueFd read_end(ends[0]);
    UniqueFd write_end(ends[1]);
    auto process = Subprocess::Start(
        {.argv = Nacre({"image", "/bin/sh", "-c", script}), .stdout_fd = write_end.get()});
    EXPECT_OK(process);
    write_end.Reset();
    std::array<uint8_t, 8> word;
    EXPECT_OK(ReadExact(read_end.get(), word));
    EXPECT_EQ(AsText(word), "started\n");
    return {std::move(process).value(), std::move(read_end)};
  }

  std::optional<TemporaryDirectory> folder_;
  std::optional<Subprocess> containerd_;
};

TEST_F(RunVerb, StreamsStayApartAndTheExitCodeIsTheContainers) {
  const CommandResult result =
      Run({"image", "/bin/sh", "-c", "echo to-out; echo to-err >&2; exit 7"});
  EXPECT_EQ(result.out, "to-out\n");
  EXPECT_EQ(result.err, "to-err\n");
  EXPECT_EQ(result.exit.code, 7);
}

TEST_F(RunVerb, InputReachesTheContainerWhole) {
  const std::string input(3'000'000, 'x');
  const CommandResult result = Run({"image", "/bin/cat"}, input);
  EXPECT_EQ(result.exit.code, 0) << result.err;
  EXPECT_TRUE(result.out == input) << result.out.size();
}

TEST_F(RunVerb, OptionsAfterTheImageBelongToTheContainer) {
  const CommandResult result =
      Run({"--env", "A=b", "image", "/bin/echo", "--env", "x", "--", "-y"});
  EXPECT_EQ(result.out, "--env x -- -y\n");
  EXPECT_THAT(Run({"--env", "A=b c", "image", "/bin/env"}).out, HasSubstr("A=b c\n"));
}

TEST_F(RunVerb, FailuresAreOneLineAndLeaveNothing) {
  CommandResult missing = Run({"image", "/bin/none"});
  EXPECT_EQ(missing.exit.code, 1);
  EXPECT_THAT(missing.err, HasSubstr("/bin/none: no such file or directory\n"));
  EXPECT_EQ(std::count(missing.err.begin(), missing.err.end(), '\n'), 1);
  CommandResult name = Run({"--id", "bad/name", "image", "/bin/true"});
  EXPECT_EQ(name.exit.code, 1);
  EXPECT_THAT(name.err, HasSubstr("bad/name"));
  CommandResult runtime = Run({"--runtime", "io.containerd.none.v2", "image", "/bin/true"});
  EXPECT_EQ(runtime.exit.code, 1);
  EXPECT_THAT(runtime.err, HasSubstr("unknown runtime \"io.containerd.none.v2\""));
}

TEST_F(RunVerb, ATakenNameIsRefusedAndItsOwnerKept) {
  Started first = Begin("echo started; sleep 1000");
  const std::string id(StripSpace(Ctr({"container", "ls", "-q"})));
  CommandResult second = Run({"--id", id, "image", "/bin/true"});
  EXPECT_EQ(second.exit.code, 1);
  EXPECT_THAT(second.err, HasSubstr("already exists"));
  EXPECT_THAT(Ctr({"task", "ls"}), HasSubstr("RUNNING"));
  EXPECT_OK(first.process.Kill(SIGTERM));
  EXPECT_OK(first.process.Kill(SIGINT));
  EXPECT_OK(first.process.WaitFor(kPatienceMs));
}

TEST_F(RunVerb, SignalsReachTheContainer) {
  Started run = Begin("trap 'exit 3' TERM; echo started; while :; do sleep 0.02; done");
  EXPECT_OK(run.process.Kill(SIGTERM));
  ASSERT_OK_AND_ASSIGN(ExitStatus exit, run.process.WaitFor(kPatienceMs));
  EXPECT_EQ(exit.code, 3);
}

TEST_F(RunVerb, ASecondSignalKills) {
  Started run = Begin("echo started; sleep 1000");
  EXPECT_OK(run.process.Kill(SIGTERM));
  EXPECT_OK(run.process.Kill(SIGINT));
  ASSERT_OK_AND_ASSIGN(ExitStatus exit, run.process.WaitFor(kPatienceMs));
  EXPECT_EQ(exit.code, 137);
}

TEST_F(RunVerb, ALostReaderEndsTheContainer) {
  Started run = Begin("echo started; while :; do echo more; done");
  run.out.Reset();
  ASSERT_OK_AND_ASSIGN(ExitStatus exit, run.process.WaitFor(kPatienceMs));
  EXPECT_EQ(exit.code, 137);
}

TEST_F(RunVerb, ALostContainerdEndsTheRunAndSaysWhatIsLeft) {
  Started run = Begin("echo started; sleep 1000");
  EXPECT_OK(containerd_->Kill(SIGKILL));
  ASSERT_OK_AND_ASSIGN(ExitStatus exit, run.process.WaitFor(kPatienceMs));
  EXPECT_EQ(exit.code, 1);
  EXPECT_OK(containerd_->Wait());
  // It comes back and finds the container as it was.
  StartContainerd();
  const std::string id(StripSpace(Ctr({"container", "ls", "-q"})));
  EXPECT_THAT(Ctr({"task", "ls"}), HasSubstr("RUNNING"));
  Ctr({"task", "rm", "--force", id});
  Ctr({"container", "rm", id});
}

TEST_F(RunVerb, ATimelineThatIsNotThereIsSaid) {
  ASSERT_OK(WriteFile(Path("runtime.toml"),
                      AsBytes(StrCat("[hypervisor]\nkernel = \"/k\"\ninitrd = \"/i\"\n",
                                     "[runtime]\nstate_dir = \"", Path("none"), "\"\n"))));
  // runc takes no configuration of ours; the default one is not there either.
  const CommandResult result = Run({"--timeline", "image", "/bin/true"});
  EXPECT_EQ(result.exit.code, 0);
  EXPECT_THAT(result.err, HasSubstr("no timeline: "));
}

// Both ends of a terminal of 30 rows and 100 columns.
struct Terminal {
  UniqueFd master, slave;
};
Terminal OpenTerminal() {
  const winsize size = {.ws_row = 30, .ws_col = 100, .ws_xpixel = 0, .ws_ypixel = 0};
  Terminal out;
  out.master.Reset(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  EXPECT_EQ(grantpt(out.master.get()), 0);
  EXPECT_EQ(unlockpt(out.master.get()), 0);
  out.slave.Reset(open(ptsname(out.master.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
  EXPECT_EQ(ioctl(out.master.get(), TIOCSWINSZ, &size), 0);
  return out;
}

// Reads what the terminal shows until it holds `wanted`; all of it.
std::string ReadUntil(int master, std::string_view wanted) {
  std::string shown;
  while (shown.find(wanted) == std::string::npos) {
    pollfd ready = {master, POLLIN, 0};
    if (poll(&ready, 1, kPatienceMs) != 1) break;
    char bytes[256];
    const ssize_t got = read(master, bytes, sizeof bytes);
    if (got <= 0) break;
    shown.append(bytes, static_cast<size_t>(got));
  }
  return shown;
}

TEST_F(RunVerb, ATerminalIsLentAndGivenBack) {
  std::filesystem::create_symlink("busybox", Path("rootfs/bin/stty"));
  const Terminal terminal = OpenTerminal();
  termios before = {};
  ASSERT_EQ(tcgetattr(terminal.slave.get(), &before), 0);
  auto run = Subprocess::Start(
      {.argv = Nacre({"-t", "image", "/bin/sh", "-c", "stty size; read -r line; echo got=$line"}),
       .stdin_fd = terminal.slave.get(),
       .stdout_fd = terminal.slave.get(),
       .stderr_fd = terminal.slave.get()});
  ASSERT_OK(run);
  EXPECT_THAT(ReadUntil(terminal.master.get(), "30 100"), HasSubstr("30 100"));
  ASSERT_OK(WriteAll(terminal.master.get(), AsBytes("word\n")));
  EXPECT_THAT(ReadUntil(terminal.master.get(), "got=word"), HasSubstr("got=word"));
  ASSERT_OK_AND_ASSIGN(ExitStatus exit, run->WaitFor(kPatienceMs));
  EXPECT_EQ(exit.code, 0);
  termios after = {};
  ASSERT_EQ(tcgetattr(terminal.slave.get(), &after), 0);
  EXPECT_EQ(after.c_lflag, before.c_lflag);
  EXPECT_EQ(after.c_oflag, before.c_oflag);
}

TEST_F(RunVerb, WithoutATerminalNoneIsLent) {
  const CommandResult result = Run({"--terminal", "image", "/bin/true"});
  EXPECT_EQ(result.exit.code, 1);
  EXPECT_EQ(result.err, "nacre run: --terminal: standard input is not a terminal\n");
}

}  // namespace
}  // namespace nacre::cli
