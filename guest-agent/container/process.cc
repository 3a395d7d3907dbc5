#include "guest-agent/container/process.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "guest-agent/container/wait.h"

namespace nacre::guest_agent {

absl::StatusOr<std::shared_ptr<Process>> Process::Adopt(pid_t pid, ProcessStreams streams) {
  UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd.valid()) return ErrnoStatus(errno, "pidfd of a container process");
  UniqueFd closed(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!closed.valid()) return ErrnoStatus(errno, "eventfd");
  return std::shared_ptr<Process>(
      new Process(pid, std::move(pidfd), std::move(closed), std::move(streams)));
}

absl::StatusOr<int> Process::Wait(const std::stop_token& stop, int timeout_ms) {
  {
    const std::lock_guard lock(mutex_);
    if (exit_status_) return *exit_status_;
  }
  RETURN_IF_ERROR(WaitForEvent(pidfd_.get(), POLLIN, closed_.get(), stop, timeout_ms));
  const std::lock_guard lock(mutex_);
  if (exit_status_) return *exit_status_;
  siginfo_t info = {};
  if (waitid(static_cast<idtype_t>(P_PIDFD), pidfd_.get(), &info, WEXITED) != 0)
    return ErrnoStatus(errno, "waiting for a container process");
  exit_status_ = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
  return *exit_status_;
}

bool Process::exit_known() {
  const std::lock_guard lock(mutex_);
  return exit_status_.has_value();
}

absl::Status Process::Signal(int signal) {
  if (syscall(SYS_pidfd_send_signal, pidfd_.get(), signal, nullptr, 0) == 0 || errno == ESRCH)
    return absl::OkStatus();
  return ErrnoStatus(errno, "signalling a container process");
}

std::shared_ptr<Stream> Process::input() {
  const std::lock_guard lock(mutex_);
  return streams_.input;
}

void Process::CloseInput() {
  if (streams_.terminal) return;
  std::shared_ptr<Stream> input;
  {
    const std::lock_guard lock(mutex_);
    input = std::move(streams_.input);
    streams_.input = nullptr;
  }
  if (input != nullptr) input->Close();
}

absl::Status Process::ResizeTerminal(uint16_t rows, uint16_t columns) {
  if (!streams_.terminal) return absl::FailedPreconditionError("the process has no terminal");
  const winsize size = {rows, columns, 0, 0};
  if (ioctl(streams_.output->fd(), TIOCSWINSZ, &size) != 0)
    return ErrnoStatus(errno, "resizing a terminal");
  return absl::OkStatus();
}

void Process::Close() {
  CloseInput();
  streams_.output->Close();
  streams_.error->Close();
  eventfd_write(closed_.get(), 1);
}

}  // namespace nacre::guest_agent
