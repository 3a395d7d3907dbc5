// The disk that all volumes (disk_volumes.h) share: its cipher, its free blocks, and what of
// volumes that are gone is still in use.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/unique_fd.h"
#include "guest-agent/storage/block_allocator.h"
#include "guest-agent/storage/device_mapper.h"
#include "guest-agent/storage/verity_watch.h"

namespace nacre::guest_agent {

// A volume's devices, the upper one last, and the blocks below them.
struct VolumeDevices {
  std::vector<Extent> extents;
  std::optional<MappedDevice> runs;
  std::optional<MappedDevice> checked;
};

// Thread-safe.
class VolumeDisk {
 public:
  // `disk` is open on the device `crypt` for writing past the page cache.
  VolumeDisk(MappedDevice crypt, UniqueFd disk, uint64_t blocks, std::string folder)
      : folder_(std::move(folder)),
        crypt_(std::move(crypt)),
        disk_(std::move(disk)),
        allocator_(blocks) {}

  BlockAllocator* allocator() { return &allocator_; }
  uint64_t blocks() const { return allocator_.blocks(); }
  int fd() const { return disk_.get(); }
  const std::string& crypt_path() const { return crypt_.path(); }
  const std::string& folder() const { return folder_; }
  uint64_t NextNumber();

  // From now on the agent's log tells, once, when a block of `device` was refused.
  void Watch(const std::string& device, const std::string& volume) { watch_.Add(device, volume); }
  // Takes the devices away and gives the blocks back; later, if somebody uses them still.
  void Release(VolumeDevices devices);
  // Looks again at what could not be released.
  void ReleaseLeft();

 private:
  bool TryRelease(VolumeDevices* devices);

  const std::string folder_;
  const MappedDevice crypt_;
  const UniqueFd disk_;
  BlockAllocator allocator_;
  VerityWatch watch_;
  std::mutex mutex_;
  uint64_t next_ = 0;              // guarded by mutex_, as are
  std::list<VolumeDevices> left_;  // those in use
};

}  // namespace nacre::guest_agent
