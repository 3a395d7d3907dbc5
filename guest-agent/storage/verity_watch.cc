#include "guest-agent/storage/verity_watch.h"

#include <linux/netlink.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <system_error>

#include "base/log.h"
#include "base/strings.h"
#include "guest-agent/service/device_events.h"

namespace nacre::guest_agent {
namespace {

constexpr size_t kMaxEvent = 8192;
constexpr uint64_t kTreeBlock = 1;  // DM_VERITY_BLOCK_TYPE_METADATA

// Programs of this machine may send to the group as well, if they are root; the kernel is port 0.
std::string_view Receive(int fd, char (&buffer)[kMaxEvent]) {
  sockaddr_nl from = {};
  socklen_t size = sizeof(from);
  const ssize_t got =
      recvfrom(fd, buffer, sizeof(buffer), 0, reinterpret_cast<sockaddr*>(&from), &size);
  if (got <= 0 || from.nl_pid != 0) return {};
  return {buffer, static_cast<size_t>(got)};
}

}  // namespace

std::optional<RefusedBlock> ParseVerityEvent(std::string_view event) {
  std::string_view name, refused;
  for (const std::string_view field : StrSplit(event, '\0')) {
    if (field.starts_with("DEVNAME=")) name = field.substr(8);
    if (field.starts_with("DM_VERITY_ERR_BLOCK_NR=")) refused = field.substr(23);
  }
  const size_t comma = refused.find(',');
  uint64_t type = 0;
  RefusedBlock block;
  if (name.empty() || comma == refused.npos || !ParseNumber(refused.substr(0, comma), &type) ||
      !ParseNumber(refused.substr(comma + 1), &block.block))
    return std::nullopt;
  block.of_tree = type == kTreeBlock;
  block.device = StrCat("/dev/", name);
  return block;
}

VerityWatch::VerityWatch()
    : events_(OpenDeviceEvents().value_or(UniqueFd())),
      stop_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!events_.valid() || !stop_.valid()) return;
  try {
    thread_ = std::thread([this] { Listen(); });
  } catch (const std::system_error&) {
  }
}

VerityWatch::~VerityWatch() {
  if (!thread_.joinable()) return;
  eventfd_write(stop_.get(), 1);
  thread_.join();
}

void VerityWatch::Listen() {
  for (;;) {
    pollfd waiting[2] = {{stop_.get(), POLLIN, 0}, {events_.get(), POLLIN, 0}};
    if (poll(waiting, 2, -1) < 0) continue;  // EINTR
    if (waiting[0].revents != 0) return;
    char buffer[kMaxEvent];
    if (const auto refused = ParseVerityEvent(Receive(events_.get(), buffer))) Tell(*refused);
  }
}

void VerityWatch::Tell(const RefusedBlock& refused) {
  const std::lock_guard lock(mutex_);
  const auto volume = volumes_.find(refused.device);
  if (volume == volumes_.end()) return;
  Log(LogLevel::kError, "layer_block_refused",
      {{"volume", volume->second},
       {"of", refused.of_tree ? "hash tree" : "content"},
       {"block", refused.block},
       {"why", "the host's disk does not give back what was written to it"}});
  volumes_.erase(volume);
}

void VerityWatch::Add(const std::string& device, const std::string& volume) {
  const std::lock_guard lock(mutex_);
  volumes_[device] = volume;
}

void VerityWatch::Remove(const std::string& device) {
  const std::lock_guard lock(mutex_);
  volumes_.erase(device);
}

}  // namespace nacre::guest_agent
