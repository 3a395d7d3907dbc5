// Where pulled images and what containers write to them are kept: the owner's word, from initdata.
//
//   [storage]
//   images = "encrypted-disk"   # or "erofs-verity"; default "memory"
//   disk_minimum_mib = 4096     # default 256: the pod is refused on less
//   disk_integrity = false      # default true; only with "encrypted-disk"
#pragma once

#include <cstdint>
#include <string>

#include "base/json.h"
#include "base/status.h"

namespace nacre::guest_agent {

enum class ImageStorage {
  kMemory,
  kEncryptedDisk,  // a file system on the scratch disk, of folders (scratch_disk.h)
  kErofsVerity,    // layers are volumes on the scratch disk (disk_volumes.h), writes are in memory
};

struct StorageSettings {
  ImageStorage images = ImageStorage::kMemory;
  uint64_t disk_minimum_mib = 256;  // 64..67108864
  bool disk_integrity = true;       // else the host can change what it cannot read
};

// kInvalidArgument naming the key; a key about the disk needs one of the two forms that use it.
absl::StatusOr<StorageSettings> ParseStorageSettings(const Json& table, const std::string& where);

}  // namespace nacre::guest_agent
