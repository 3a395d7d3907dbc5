#include "guest-agent/service/await_device.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "base/strings.h"
#include "base/unique_fd.h"
#include "guest-agent/service/device_events.h"

namespace nacre::guest_agent {
using std::chrono::steady_clock;

absl::Status AwaitDevice(std::string_view what, const std::function<bool()>& present,
                         int timeout_ms) {
  if (present()) return absl::OkStatus();
  // Listening begins before the next look, so nothing is missed in between.
  ASSIGN_OR_RETURN(const UniqueFd events, OpenDeviceEvents());
  const auto deadline = steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  while (!present()) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now()).count();
    pollfd waiting = {events.get(), POLLIN, 0};
    const int ready = poll(&waiting, 1, static_cast<int>(std::max<int64_t>(left, 0)));
    if (ready == 0) return absl::DeadlineExceededError(StrCat(what, " did not appear"));
    if (ready < 0 && errno != EINTR) return ErrnoStatus(errno, "device events");
    char buffer[4096];
    while (recv(events.get(), buffer, sizeof(buffer), 0) >= 0) {
    }
  }
  return absl::OkStatus();
}

}  // namespace nacre::guest_agent
