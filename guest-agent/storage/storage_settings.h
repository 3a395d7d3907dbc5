// Where pulled images and what containers write to them are kept: the owner's word, from initdata.
//
//   [storage]
//   images = "encrypted-disk"   # default "memory"
//   disk_minimum_mib = 4096     # default 256: the pod is refused on less
//   disk_integrity = false      # default true
#pragma once

#include <cstdint>
#include <string>

#include "base/json.h"
#include "base/status.h"

namespace nacre::guest_agent {

enum class ImageStorage { kMemory, kEncryptedDisk };

struct StorageSettings {
  ImageStorage images = ImageStorage::kMemory;
  uint64_t disk_minimum_mib = 256;  // 64..67108864
  bool disk_integrity = true;       // else the host can change what it cannot read
};

// kInvalidArgument naming the key; a key about the disk needs images = "encrypted-disk".
absl::StatusOr<StorageSettings> ParseStorageSettings(const Json& table, const std::string& where);

}  // namespace nacre::guest_agent
