// Waits for something the kernel adds in its own time, such as a virtio-serial port: the driver
// learns of ports, and then of their names, after it was loaded.
#pragma once

#include <functional>
#include <string_view>

#include "base/status.h"

namespace nacre::guest_agent {

// Returns when `present` is true; asks again after each device event (uevent) of the kernel.
// kDeadlineExceeded naming `what` when it is not in `timeout_ms`.
absl::Status AwaitDevice(std::string_view what, const std::function<bool()>& present,
                         int timeout_ms);

}  // namespace nacre::guest_agent
