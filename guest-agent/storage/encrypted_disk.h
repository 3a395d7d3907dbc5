// The host's scratch disk, and over it the cipher under a key that this machine makes for itself:
// what each form of [storage] that uses the disk begins with.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "guest-agent/storage/block_device.h"
#include "guest-agent/storage/device_mapper.h"
#include "guest-agent/storage/scratch_plan.h"
#include "guest-agent/storage/storage_settings.h"

namespace nacre::guest_agent {

inline constexpr std::string_view kScratchSerial = "scratch";

struct ScratchDisk {
  BlockDevice device;
  ScratchPlan plan;
};

// Loads what `settings` needs of the kernel, and finds the disk. kFailedPrecondition, in one
// sentence, when there is no such disk or it is not what the owner wants, and when this guest image
// was built without what that needs (guest-image/build.sh --disk).
absl::StatusOr<ScratchDisk> FindScratchDisk(const StorageSettings& settings);

// dm-crypt over the device `below`. Nobody knows the key but the kernel, and it has it as long as
// the device is there.
absl::StatusOr<MappedDevice> EncryptDevice(const ScratchPlan& plan, const std::string& below);

}  // namespace nacre::guest_agent
