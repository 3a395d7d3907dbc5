// The disks the host gave this machine, told apart by their serials. What is on them is the host's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace nacre::guest_agent {

struct BlockFolders {
  std::string block_folder = "/sys/block";  // <name>/serial tells which disk is which
  std::string device_folder = "/dev";
};

struct BlockDevice {
  std::string path;      // its node below device_folder
  uint64_t sectors = 0;  // of 512 bytes, whatever the disk's own are; 0 where sysfs does not say
};

// The one block device with this serial. kNotFound when there is none, kInvalidArgument when
// several have it.
absl::StatusOr<BlockDevice> FindBlockDevice(std::string_view serial,
                                            const BlockFolders& folders = {});

}  // namespace nacre::guest_agent
