// One process of a container as the host sees it: streams, signals, and an exit status that can be
// asked for any number of times. The process is a child of the agent, which is the subreaper of
// what crun leaves behind.
#pragma once

#include <sys/types.h>

#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "base/status.h"
#include "base/unique_fd.h"
#include "guest-agent/container/stream.h"

namespace nacre::guest_agent {

struct ProcessStreams {
  std::shared_ptr<Stream> input;  // null once closed
  std::shared_ptr<Stream> output;
  std::shared_ptr<Stream> error;
  bool terminal = false;
};

// Thread-safe.
class Process {
 public:
  // `pid` must be a child of this process that nobody else waits for.
  static absl::StatusOr<std::shared_ptr<Process>> Adopt(pid_t pid, ProcessStreams streams);

  // Blocks until it has ended: the exit code, or 128 + signal. kCancelled after Close() or when
  // `stop` is requested, kDeadlineExceeded when it still runs after `timeout_ms` (-1: for ever).
  absl::StatusOr<int> Wait(const std::stop_token& stop = {}, int timeout_ms = -1);
  // A Wait() has returned its status.
  bool exit_known();
  // Already ended is OK, as kill(2) of a zombie is.
  absl::Status Signal(int signal);

  std::shared_ptr<Stream> input();
  std::shared_ptr<Stream> output() { return streams_.output; }
  std::shared_ptr<Stream> error() { return streams_.error; }
  // The process reads its end after what was written before. A terminal stays open.
  void CloseInput();
  // kFailedPrecondition without a terminal.
  absl::Status ResizeTerminal(uint16_t rows, uint16_t columns);

  // Ends every waiting call, now and later: the container goes away.
  void Close();
  pid_t pid() const { return pid_; }

 private:
  Process(pid_t pid, UniqueFd pidfd, UniqueFd closed, ProcessStreams streams)
      : pid_(pid),
        pidfd_(std::move(pidfd)),
        closed_(std::move(closed)),
        streams_(std::move(streams)) {}

  const pid_t pid_;
  UniqueFd pidfd_;
  UniqueFd closed_;  // eventfd
  std::mutex mutex_;
  ProcessStreams streams_;          // `input` guarded by mutex_
  std::optional<int> exit_status_;  // guarded by mutex_
};

}  // namespace nacre::guest_agent
