// Blocking on a descriptor in a way that a removed container and a caller who has gone both end.
#pragma once

#include <stop_token>

#include "base/status.h"

namespace nacre::guest_agent {

// Returns OK once `fd` shows one of the poll(2) `events` (or an error or hangup). kCancelled when
// `closed_fd` becomes readable or `stop` is requested, kDeadlineExceeded after `timeout_ms` (-1
// waits for ever). `fd` wins when both are ready.
absl::Status WaitForEvent(int fd, short events, int closed_fd, const std::stop_token& stop,
                          int timeout_ms = -1);

}  // namespace nacre::guest_agent
