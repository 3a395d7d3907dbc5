// Hears of blocks that dm-verity refused, and tells the agent's log. Whoever reads such a block has
// its error; that it was the host's doing is not in it.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "base/unique_fd.h"

namespace nacre::guest_agent {

struct RefusedBlock {
  std::string device;  // "/dev/dm-3"
  bool of_tree = false;
  uint64_t block = 0;  // of 4 KiB

  bool operator==(const RefusedBlock&) const = default;
};

// What a kernel event (a uevent: "change@/devices/...", then NAME=value, a NUL behind each) says of
// a refused block: DM_VERITY_ERR_BLOCK_NR, by drivers/md/dm-verity-target.c. Nothing for all
// others.
std::optional<RefusedBlock> ParseVerityEvent(std::string_view event);

// Thread-safe. Where the kernel's events cannot be heard nothing is told.
class VerityWatch {
 public:
  VerityWatch();
  ~VerityWatch();
  VerityWatch(const VerityWatch&) = delete;
  VerityWatch& operator=(const VerityWatch&) = delete;

  // `volume` is the name to log for `device`, at the first of its blocks.
  void Add(const std::string& device, const std::string& volume);
  void Remove(const std::string& device);

 private:
  void Listen();
  void Tell(const RefusedBlock& refused);

  UniqueFd events_;
  UniqueFd stop_;  // becomes readable when this goes
  std::mutex mutex_;
  std::map<std::string, std::string> volumes_;  // guarded by mutex_; without those told of
  std::thread thread_;
};

}  // namespace nacre::guest_agent
