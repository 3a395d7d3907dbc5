// The kernel's own device events (uevents).
#pragma once

#include "base/status.h"
#include "base/unique_fd.h"

namespace nacre::guest_agent {

// A non-blocking netlink socket in the group the kernel sends them to (netlink(7),
// NETLINK_KOBJECT_UEVENT). Root's programs may send there as well.
absl::StatusOr<UniqueFd> OpenDeviceEvents();

}  // namespace nacre::guest_agent
