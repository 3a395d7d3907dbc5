// fork and exec for programs with threads. Between fork and exec the child may only do what a
// signal handler may do (another thread may have held any lock), so everything that allocates -
// the argv, the path search, the table of descriptors - is made ready before the fork, and the
// child reports a failure as two integers through a close-on-exec pipe.
#include "base/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "base/deadline.h"
#include "base/file.h"
#include "base/strings.h"
#include "base/subprocess_child.h"

extern char** environ;

namespace nacre {
namespace {

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
  Deadline deadline = Deadline::After(timeout_ms);
  for (;;) {
    pollfd fd = {pidfd_.get(), POLLIN, 0};
    int ready = ::poll(&fd, 1, deadline.RemainingMillis());
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

}  // namespace nacre
