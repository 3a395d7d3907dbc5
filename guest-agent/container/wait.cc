#include "guest-agent/container/wait.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <cerrno>
#include <functional>

#include "base/unique_fd.h"

namespace nacre::guest_agent {
namespace {

// Number of ready descriptors, 0 at the timeout.
absl::StatusOr<int> PollAll(pollfd* fds, int count, int timeout_ms) {
  int ready;
  while ((ready = poll(fds, count, timeout_ms)) < 0) {
    if (errno != EINTR) return ErrnoStatus(errno, "poll");
  }
  return ready;
}

}  // namespace

absl::Status WaitForEvent(int fd, short events, int closed_fd, const std::stop_token& stop,
                          int timeout_ms) {
  pollfd fds[3] = {{fd, events, 0}, {closed_fd, POLLIN, 0}, {-1, POLLIN, 0}};
  // Most calls find something at once and need no bridge from the stop token.
  ASSIGN_OR_RETURN(int ready, PollAll(fds, 2, 0));
  if (ready == 0) {
    const UniqueFd stopped(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!stopped.valid()) return ErrnoStatus(errno, "eventfd");
    const std::stop_callback bridge(stop, [&] { eventfd_write(stopped.get(), 1); });
    fds[2].fd = stopped.get();
    ASSIGN_OR_RETURN(ready, PollAll(fds, 3, timeout_ms));
  }
  if (ready == 0) return absl::DeadlineExceededError("nothing happened in time");
  if (fds[0].revents != 0) return absl::OkStatus();
  if (fds[1].revents != 0) return absl::CancelledError("the container was removed");
  return absl::CancelledError("the caller has gone");
}

}  // namespace nacre::guest_agent
