// fork and exec for programs with threads. Between fork and exec the child may only do what a
// signal handler may do (another thread may have held any lock), so everything that allocates -
// the argv, the path search, the table of descriptors - is made ready before the fork, and the
// child reports a failure as two integers through a close-on-exec pipe.
#include "base/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <csignal>
#include <cstdlib>

#include "base/file.h"
#include "base/strings.h"

extern char** environ;

namespace nacre {
namespace {

constexpr unsigned kCloseRangeCloexec = 1u << 2;  // CLOSE_RANGE_CLOEXEC, linux/close_range.h

enum class Step : int { kSession, kDeathSignal, kDescriptors, kFolder, kExec };

std::string_view StepName(Step step) {
  switch (step) {
    case Step::kSession:
      return "new session";
    case Step::kDeathSignal:
      return "parent death signal";
    case Step::kDescriptors:
      return "passing descriptors";
    case Step::kFolder:
      return "changing folder";
    case Step::kExec:
      return "exec";
  }
  return "start";
}

struct ChildFailure {
  Step step;
  int error_number;
};

struct FdMove {
  int source;
  int target;
};

// Everything the child needs, allocated before the fork.
struct ChildPlan {
  std::string program;
  std::vector<char*> argv;
  std::vector<char*> env;
  std::vector<FdMove> moves;  // by target, each target once
  const char* folder = nullptr;
  bool new_session = false;
  int death_signal = 0;
  pid_t parent = 0;
  int report_fd = -1;
  int first_free_fd = 0;  // above every target and every source
};

[[noreturn]] void ReportAndExit(int fd, Step step) {
  ChildFailure failure = {step, errno};
  ssize_t ignored = ::write(fd, &failure, sizeof failure);
  (void)ignored;
  ::_exit(127);
}

// Marks every descriptor of [first, last] close-on-exec.
void CloseOnExecRange(unsigned first, unsigned last) {
  if (first > last) return;
  if (::syscall(SYS_close_range, first, last, kCloseRangeCloexec) == 0) return;
  // Before Linux 5.11. Nacre opens everything close-on-exec; this is for descriptors of libraries.
  rlimit limit = {};
  unsigned end = ::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < 65536
                     ? static_cast<unsigned>(limit.rlim_cur)
                     : 65536;
  for (unsigned fd = first; fd <= last && fd < end; ++fd) {
    int flags = ::fcntl(static_cast<int>(fd), F_GETFD);
    if (flags >= 0) ::fcntl(static_cast<int>(fd), F_SETFD, flags | FD_CLOEXEC);
  }
}

// The report pipe and every source first move above all targets, so that no dup2 overwrites a
// descriptor that is still needed. `moves` is the child's own copy of the table.
void MoveDescriptors(ChildPlan& plan) {
  int report = ::fcntl(plan.report_fd, F_DUPFD_CLOEXEC, plan.first_free_fd);
  if (report < 0) ReportAndExit(plan.report_fd, Step::kDescriptors);
  plan.report_fd = report;
  for (FdMove& move : plan.moves) {
    move.source = ::fcntl(move.source, F_DUPFD_CLOEXEC, plan.first_free_fd);
    if (move.source < 0) ReportAndExit(plan.report_fd, Step::kDescriptors);
  }
  unsigned next = 0;
  for (const FdMove& move : plan.moves) {
    if (::dup2(move.source, move.target) < 0) ReportAndExit(plan.report_fd, Step::kDescriptors);
    unsigned target = static_cast<unsigned>(move.target);
    if (target > next) CloseOnExecRange(next, target - 1);
    next = target + 1;
  }
  CloseOnExecRange(next, UINT_MAX);
}

void DefaultSignals() {
  struct sigaction action = {};
  action.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) ::sigaction(number, &action, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void RunChild(ChildPlan& plan) {
  DefaultSignals();
  if (plan.new_session && ::setsid() < 0) ReportAndExit(plan.report_fd, Step::kSession);
  if (plan.death_signal != 0) {
    if (::prctl(PR_SET_PDEATHSIG, plan.death_signal) != 0) {
      ReportAndExit(plan.report_fd, Step::kDeathSignal);
    }
    if (::getppid() != plan.parent) ::_exit(127);  // the parent went before the request was made
  }
  MoveDescriptors(plan);
  if (plan.folder != nullptr && ::chdir(plan.folder) != 0) {
    ReportAndExit(plan.report_fd, Step::kFolder);
  }
  ::execve(plan.program.c_str(), plan.argv.data(), plan.env.data());
  ReportAndExit(plan.report_fd, Step::kExec);
}

absl::StatusOr<std::string> FindProgram(const std::string& name) {
  if (name.empty()) return absl::InvalidArgumentError("starting a program: empty name");
  if (name.find('/') != std::string::npos) return name;
  const char* path = std::getenv("PATH");
  for (std::string_view folder : StrSplit(path == nullptr ? "/usr/bin:/bin" : path, ':')) {
    if (folder.empty()) continue;  // POSIX would mean the current folder: never wanted
    std::string candidate = StrCat(folder, "/", name);
    struct stat info = {};
    if (::stat(candidate.c_str(), &info) == 0 && S_ISREG(info.st_mode) &&
        ::access(candidate.c_str(), X_OK) == 0) {
      return candidate;
    }
  }
  return absl::NotFoundError(StrCat("starting ", name, ": program not found in PATH"));
}

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> out;
  out.reserve(strings.size() + 1);
  for (const std::string& text : strings) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

std::vector<char*> CurrentEnvironment() {
  std::vector<char*> out;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    out.push_back(*entry);
  }
  out.push_back(nullptr);
  return out;
}

absl::Status AddMoves(const SubprocessOptions& options, int null_fd, ChildPlan& plan) {
  auto or_null = [null_fd](int fd) { return fd < 0 ? null_fd : fd; };
  plan.moves = {{or_null(options.stdin_fd), 0},
                {or_null(options.stdout_fd), 1},
                {or_null(options.stderr_fd), 2}};
  for (auto [source, target] : options.inherit) {
    if (source < 0 || target < 3) {
      return absl::InvalidArgumentError(
          StrCat("starting ", options.argv[0], ": bad inherited descriptor ", target));
    }
    plan.moves.push_back({source, target});
  }
  std::sort(plan.moves.begin(), plan.moves.end(),
            [](const FdMove& a, const FdMove& b) { return a.target < b.target; });
  for (size_t i = 0; i < plan.moves.size(); ++i) {
    if (i > 0 && plan.moves[i].target == plan.moves[i - 1].target) {
      return absl::InvalidArgumentError(StrCat("starting ", options.argv[0], ": descriptor ",
                                               plan.moves[i].target, " given twice"));
    }
    plan.first_free_fd = std::max(plan.first_free_fd, plan.moves[i].target + 1);
  }
  return absl::OkStatus();
}

absl::StatusOr<ChildPlan> PlanChild(const SubprocessOptions& options, int null_fd) {
  if (options.argv.empty()) return absl::InvalidArgumentError("starting a program: empty argv");
  ChildPlan plan;
  ASSIGN_OR_RETURN(plan.program, FindProgram(options.argv[0]));
  plan.argv = Pointers(options.argv);
  plan.env = options.env ? Pointers(*options.env) : CurrentEnvironment();
  if (!options.working_directory.empty()) plan.folder = options.working_directory.c_str();
  plan.new_session = options.new_session;
  plan.death_signal = options.parent_death_signal;
  plan.parent = ::getpid();
  RETURN_IF_ERROR(AddMoves(options, null_fd, plan));
  return plan;
}

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};

absl::StatusOr<Pipe> MakePipe() {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) return ErrnoStatus(errno, "making a pipe");
  return Pipe{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

// No signal handler of the parent may run in the child, where it would see the parent's state.
pid_t ForkBlocked(ChildPlan& plan) {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_t pid = ::fork();
  if (pid == 0) RunChild(plan);
  int fork_errno = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = fork_errno;
  return pid;
}

// OK when the pipe closed without a report, which exec does.
absl::Status ReadReport(int fd, const SubprocessOptions& options) {
  ChildFailure failure = {};
  absl::Status read = ReadExact(fd, {reinterpret_cast<uint8_t*>(&failure), sizeof failure});
  if (absl::IsOutOfRange(read)) return absl::OkStatus();
  RETURN_IF_ERROR(read);
  std::string context = StrCat("starting ", options.argv[0], ": ", StepName(failure.step));
  if (failure.step == Step::kFolder) StrAppend(&context, " to ", options.working_directory);
  return ErrnoStatus(failure.error_number, context);
}

void Reap(pid_t pid) {
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

using Clock = std::chrono::steady_clock;

int MillisUntil(Clock::time_point deadline) {
  auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, INT_MAX));
}

// While it lives, a write to a pipe nobody reads gives this thread EPIPE and no SIGPIPE.
class SigpipeGuard {
 public:
  SigpipeGuard() {
    ::sigemptyset(&sigpipe_);
    ::sigaddset(&sigpipe_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &sigpipe_, &before_);
  }
  ~SigpipeGuard() {
    timespec at_once = {};
    while (::sigtimedwait(&sigpipe_, nullptr, &at_once) == SIGPIPE) {
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  SigpipeGuard(const SigpipeGuard&) = delete;
  SigpipeGuard& operator=(const SigpipeGuard&) = delete;

 private:
  sigset_t sigpipe_;
  sigset_t before_;
};

// The parent's side of RunCommand: feeds stdin and collects both outputs until the child ends.
class Conversation {
 public:
  Conversation(ByteView input, size_t max_output) : input_(input), max_output_(max_output) {}

  absl::StatusOr<Subprocess> Start(SubprocessOptions& options) {
    ASSIGN_OR_RETURN(Pipe in, MakePipe());
    ASSIGN_OR_RETURN(Pipe out, MakePipe());
    ASSIGN_OR_RETURN(Pipe err, MakePipe());
    options.stdin_fd = in.read_end.get();
    options.stdout_fd = out.write_end.get();
    options.stderr_fd = err.write_end.get();
    stdin_ = std::move(in.write_end);
    outputs_[0].fd = std::move(out.read_end);
    outputs_[1].fd = std::move(err.read_end);
    for (int fd : {stdin_.get(), outputs_[0].fd.get(), outputs_[1].fd.get()}) {
      if (::fcntl(fd, F_SETFL, O_NONBLOCK) != 0) return ErrnoStatus(errno, "non-blocking pipe");
    }
    if (input_.empty()) stdin_.Reset();
    return Subprocess::Start(options);
  }

  // Returns when the child has ended, with what it had written by then: a grandchild that keeps
  // the pipes open is not waited for.
  absl::Status Run(int pidfd, Clock::time_point deadline) {
    SigpipeGuard no_sigpipe;
    for (;;) {
      pollfd fds[4] = {{pidfd, POLLIN, 0},
                       {stdin_.get(), POLLOUT, 0},
                       {outputs_[0].fd.get(), POLLIN, 0},
                       {outputs_[1].fd.get(), POLLIN, 0}};
      int ready = ::poll(fds, 4, MillisUntil(deadline));
      if (ready < 0 && errno == EINTR) continue;
      if (ready < 0) return ErrnoStatus(errno, "poll");
      if (ready == 0) return absl::DeadlineExceededError("still running at its deadline");
      if (fds[1].revents != 0) Feed();
      for (Output& output : outputs_) RETURN_IF_ERROR(Drain(output));
      if (fds[0].revents != 0) return absl::OkStatus();
    }
  }

  std::string TakeOutput(int index) { return std::move(outputs_[index].text); }

 private:
  struct Output {
    UniqueFd fd;
    std::string text;
  };

  void Feed() {
    ssize_t written = ::write(stdin_.get(), input_.data(), input_.size());
    if (written < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (written < 0) {  // the child does not read all of its input: its right
      stdin_.Reset();
      return;
    }
    input_ = input_.subspan(static_cast<size_t>(written));
    if (input_.empty()) stdin_.Reset();
  }

  absl::Status Drain(Output& output) {
    char buffer[16384];
    while (output.fd.valid()) {
      ssize_t got = ::read(output.fd.get(), buffer, sizeof buffer);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno == EAGAIN) break;
      if (got < 0) return ErrnoStatus(errno, "reading output");
      if (got == 0) {
        output.fd.Reset();
        break;
      }
      if (output.text.size() + static_cast<size_t>(got) > max_output_) {
        return absl::ResourceExhaustedError(
            StrCat("wrote more than ", max_output_, " bytes of output"));
      }
      output.text.append(buffer, static_cast<size_t>(got));
    }
    return absl::OkStatus();
  }

  ByteView input_;
  size_t max_output_;
  UniqueFd stdin_;
  Output outputs_[2];
};

}  // namespace

absl::StatusOr<Subprocess> Subprocess::Start(const SubprocessOptions& options) {
  ASSIGN_OR_RETURN(UniqueFd null_fd, OpenFile("/dev/null", O_RDWR));
  ASSIGN_OR_RETURN(ChildPlan plan, PlanChild(options, null_fd.get()));
  ASSIGN_OR_RETURN(Pipe report, MakePipe());
  plan.report_fd = report.write_end.get();
  pid_t pid = ForkBlocked(plan);
  if (pid < 0) return ErrnoStatus(errno, StrCat("starting ", options.argv[0], ": fork"));
  report.write_end.Reset();
  absl::Status started = ReadReport(report.read_end.get(), options);
  if (!started.ok()) {
    Reap(pid);
    return started;
  }
  // The child is not reaped yet, so its number cannot have gone to another process.
  UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd.valid()) {
    absl::Status status = ErrnoStatus(errno, StrCat("starting ", options.argv[0], ": pidfd"));
    ::kill(pid, SIGKILL);
    Reap(pid);
    return status;
  }
  return Subprocess(pid, std::move(pidfd));
}

absl::StatusOr<ExitStatus> Subprocess::Wait() {
  if (exit_) return *exit_;
  siginfo_t info = {};
  int result;
  do {
    result = ::waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info, WEXITED);
  } while (result < 0 && errno == EINTR);
  if (result < 0) return ErrnoStatus(errno, StrCat("waiting for process ", pid_));
  bool exited = info.si_code == CLD_EXITED;
  exit_ = ExitStatus{exited ? info.si_status : 128 + info.si_status, !exited};
  return *exit_;
}

absl::StatusOr<ExitStatus> Subprocess::WaitFor(int timeout_ms) {
  if (exit_) return *exit_;
  Clock::time_point deadline = Clock::now() + std::chrono::milliseconds(timeout_ms);
  for (;;) {
    pollfd fd = {pidfd_.get(), POLLIN, 0};
    int ready = ::poll(&fd, 1, MillisUntil(deadline));
    if (ready > 0) return Wait();
    if (ready == 0) {
      return absl::DeadlineExceededError(
          StrCat("process ", pid_, " still runs after ", timeout_ms, " ms"));
    }
    if (errno != EINTR) return ErrnoStatus(errno, "poll");
  }
}

absl::Status Subprocess::Kill(int signal) {
  if (::syscall(SYS_pidfd_send_signal, pidfd_.get(), signal, nullptr, 0) == 0) {
    return absl::OkStatus();
  }
  return ErrnoStatus(errno, StrCat("signal ", signal, " to process ", pid_));
}

absl::StatusOr<CommandResult> RunCommand(SubprocessOptions options, ByteView input,
                                         size_t max_output, int timeout_ms) {
  Clock::time_point deadline = Clock::now() + std::chrono::milliseconds(timeout_ms);
  Conversation conversation(input, max_output);
  ASSIGN_OR_RETURN(Subprocess child, conversation.Start(options));
  absl::Status talked = conversation.Run(child.pidfd(), deadline);
  if (!talked.ok()) child.Kill(SIGKILL).IgnoreError();
  ASSIGN_OR_RETURN(ExitStatus exit, child.Wait());
  RETURN_IF_ERROR(talked, options.argv[0]);
  return CommandResult{exit, conversation.TakeOutput(0), conversation.TakeOutput(1)};
}

}  // namespace nacre
