// Child processes: an argv vector, never a shell.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "base/unique_fd.h"

namespace nacre {

struct SubprocessOptions {
  std::vector<std::string> argv = {};  // argv[0] is a path, or a name looked up in PATH
  std::optional<std::vector<std::string>> env =
      {};                              // "NAME=value"; the parent's environment when absent
  std::string working_directory = "";  // the parent's when empty
  int stdin_fd = -1;                   // these three: -1 = /dev/null; not taken over
  int stdout_fd = -1;
  int stderr_fd = -1;
  std::vector<std::pair<int, int>> inherit = {};  // {fd here, fd number in the child}
  bool new_session = false;                       // setsid
  int parent_death_signal = 0;                    // PR_SET_PDEATHSIG, 0 = none
};

// Exit of a child: `code` when it exited, 128 + signal when it was killed (as shells and OCI report
// it).
struct ExitStatus {
  int code = 0;
  bool signaled = false;
};

// A started child. The destructor does not kill or wait: whoever owns the process decides its end.
class Subprocess {
 public:
  // kNotFound when the program does not exist; the message names it.
  static absl::StatusOr<Subprocess> Start(const SubprocessOptions& options);
  pid_t pid() const { return pid_; }
  // A pidfd: readable when the child has ended. Usable in poll/epoll.
  int pidfd() const { return pidfd_.get(); }
  absl::StatusOr<ExitStatus> Wait();
  // kDeadlineExceeded when it still runs after `timeout_ms`.
  absl::StatusOr<ExitStatus> WaitFor(int timeout_ms);
  absl::Status Kill(int signal);

 private:
  Subprocess(pid_t pid, UniqueFd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
  pid_t pid_;
  UniqueFd pidfd_;
  std::optional<ExitStatus> exit_;  // once it has been reaped
};

struct CommandResult {
  ExitStatus exit;
  std::string out;
  std::string err;
};

// Runs to its end with `input` on stdin; at most `max_output` bytes of each output are kept (more
// is kResourceExhausted); past the deadline the child is killed and the result is
// kDeadlineExceeded. A non-zero exit is not an error here.
absl::StatusOr<CommandResult> RunCommand(SubprocessOptions options, ByteView input = {},
                                         size_t max_output = 1 << 20, int timeout_ms = 60000);

}  // namespace nacre
