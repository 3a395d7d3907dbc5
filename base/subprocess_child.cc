#include "base/subprocess_child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

namespace nacre {
namespace {

constexpr unsigned kCloseRangeCloexec = 1u << 2;  // CLOSE_RANGE_CLOEXEC, linux/close_range.h

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

}  // namespace

void RunChild(ChildPlan& plan) {
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

}  // namespace nacre
