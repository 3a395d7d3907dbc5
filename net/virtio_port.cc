// Ports have names; device nodes have numbers (/dev/vport1p2). udev makes links by name; where it
// does not run, as in an initrd, sysfs gives the name of each node.
//
// Waiting for the host: a port without a host polls as POLLHUP at once and for ever, so a plain
// poll would spin. Edge-triggered epoll reports the hang-up once and then sleeps until the driver
// wakes the port's queue, which it does when the host connects.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>

#include <algorithm>
#include <chrono>
#include <memory>

#include "base/file.h"
#include "base/strings.h"
#include "net/stream.h"

namespace nacre::net {
namespace {

using std::chrono::steady_clock;

constexpr size_t kLongestName = 255;

absl::StatusOr<UniqueFd> OpenPortNode(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOCTTY));
  if (fd.valid()) return fd;
  if (errno == EBUSY) {
    return absl::UnavailableError(StrCat("virtio-serial port ", path, " is open elsewhere"));
  }
  return ErrnoStatus(errno, "opening virtio-serial port " + path);
}

// The node of the port that sysfs says has this name.
absl::StatusOr<std::string> FindNode(std::string_view name, const VirtioPortPaths& paths) {
  std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(paths.classes.c_str()), closedir);
  while (dirent* entry = folder ? readdir(folder.get()) : nullptr) {
    const std::string_view device = entry->d_name;
    if (device.front() == '.') continue;
    const absl::StatusOr<std::string> found =
        ReadTextFile(StrCat(paths.classes, "/", device, "/name"), kLongestName + 1);
    if (found.ok() && StripSpace(*found) == name) return StrCat(paths.devices, "/", device);
  }
  return absl::NotFoundError(StrCat("no virtio-serial port is named ", name));
}

}  // namespace

absl::StatusOr<UniqueFd> OpenVirtioPort(std::string_view name, const VirtioPortPaths& paths) {
  if (name.empty() || name.size() > kLongestName || name.find('/') != name.npos || name[0] == '.') {
    return absl::InvalidArgumentError("not the name of a virtio-serial port");
  }
  const std::string link = StrCat(paths.links, "/", name);
  if (PathExists(link)) return OpenPortNode(link);
  ASSIGN_OR_RETURN(const std::string node, FindNode(name, paths));
  return OpenPortNode(node);
}

absl::Status AwaitVirtioPeer(int port, int timeout_ms, int wake_fd) {
  const auto deadline = steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  UniqueFd watch(epoll_create1(EPOLL_CLOEXEC));
  if (!watch.valid()) return ErrnoStatus(errno, "epoll_create1");
  epoll_event interest{.events = EPOLLIN | EPOLLOUT | EPOLLET, .data = {.fd = port}};
  if (epoll_ctl(watch.get(), EPOLL_CTL_ADD, port, &interest) != 0) {
    return ErrnoStatus(errno, "watching a virtio-serial port");
  }
  interest = {.events = EPOLLIN, .data = {.fd = wake_fd}};
  if (wake_fd >= 0 && epoll_ctl(watch.get(), EPOLL_CTL_ADD, wake_fd, &interest) != 0) {
    return ErrnoStatus(errno, "watching the wake-up descriptor");
  }
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now());
    const int wait =
        timeout_ms < 0 ? -1 : static_cast<int>(std::clamp<int64_t>(left.count(), 0, 1 << 30));
    epoll_event event;
    const int count = epoll_wait(watch.get(), &event, 1, wait);
    if (count == 0) return absl::DeadlineExceededError("the host did not connect in time");
    if (count < 0 && errno != EINTR) return ErrnoStatus(errno, "epoll_wait");
    if (count < 0) continue;
    if (event.data.fd == wake_fd) return absl::CancelledError("woken");
    if ((event.events & EPOLLHUP) == 0) return absl::OkStatus();
  }
}

}  // namespace nacre::net
