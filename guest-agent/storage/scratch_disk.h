// The encrypted scratch disk: a disk of the host, under a key that is made at each start and never
// leaves this machine, as a file system for images and for what containers write.
#pragma once

#include <string>

#include "base/status.h"
#include "guest-agent/storage/storage_settings.h"

namespace nacre::guest_agent {

// Finds the disk, makes key, mapping and file system, and mounts it at `folder`, which is made.
// Refusals are FindScratchDisk's. It stays for the rest of this machine's life; a second call finds
// the first one's devices.
absl::Status MountScratchDisk(const StorageSettings& settings, const std::string& folder);

}  // namespace nacre::guest_agent
