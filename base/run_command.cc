// A child's three pipes served by one poll loop until the child ends.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>

#include <cerrno>

#include "base/deadline.h"
#include "base/file.h"
#include "base/strings.h"
#include "base/subprocess.h"

namespace nacre {
namespace {

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
  absl::Status Run(int pidfd, const Deadline& deadline) {
    SigpipeGuard no_sigpipe;
    for (;;) {
      pollfd fds[4] = {{pidfd, POLLIN, 0},
                       {stdin_.get(), POLLOUT, 0},
                       {outputs_[0].fd.get(), POLLIN, 0},
                       {outputs_[1].fd.get(), POLLIN, 0}};
      int ready = ::poll(fds, 4, deadline.RemainingMillis());
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

absl::StatusOr<CommandResult> RunCommand(SubprocessOptions options, ByteView input,
                                         size_t max_output, int timeout_ms) {
  Deadline deadline = Deadline::After(timeout_ms);
  Conversation conversation(input, max_output);
  ASSIGN_OR_RETURN(Subprocess child, conversation.Start(options));
  absl::Status talked = conversation.Run(child.pidfd(), deadline);
  if (!talked.ok()) child.Kill(SIGKILL).IgnoreError();
  ASSIGN_OR_RETURN(ExitStatus exit, child.Wait());
  RETURN_IF_ERROR(talked, options.argv[0]);
  return CommandResult{exit, conversation.TakeOutput(0), conversation.TakeOutput(1)};
}

}  // namespace nacre
