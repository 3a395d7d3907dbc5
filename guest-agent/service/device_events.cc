#include "guest-agent/service/device_events.h"

#include <linux/netlink.h>
#include <sys/socket.h>

#include <cerrno>

namespace nacre::guest_agent {

constexpr uint32_t kKernelEvents = 1;  // multicast group of the kernel's own uevents

absl::StatusOr<UniqueFd> OpenDeviceEvents() {
  UniqueFd fd(
      socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT));
  if (!fd.valid()) return ErrnoStatus(errno, "device events");
  sockaddr_nl address = {};
  address.nl_family = AF_NETLINK;
  address.nl_groups = kKernelEvents;
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
    return ErrnoStatus(errno, "device events");
  return fd;
}

}  // namespace nacre::guest_agent
