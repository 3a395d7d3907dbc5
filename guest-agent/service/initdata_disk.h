// Finds the disk that carries initdata and reads the document in it. The disk comes from the host:
// nothing in it is believed until service/launch_check.h has compared its digest with the
// hardware's.
#pragma once

#include <string>

#include "base/status.h"
#include "guest-agent/storage/block_device.h"

namespace nacre::guest_agent {

// The document of the one block device whose serial is "initdata". kNotFound when no disk has that
// serial, kInvalidArgument when several have it; else as DecodeInitdataDisk.
absl::StatusOr<std::string> ReadInitdataDisk(const BlockFolders& folders = {});

}  // namespace nacre::guest_agent
