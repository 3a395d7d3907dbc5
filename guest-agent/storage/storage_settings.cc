#include "guest-agent/storage/storage_settings.h"

#include "base/strings.h"
#include "base/toml.h"

namespace nacre::guest_agent {

absl::StatusOr<StorageSettings> ParseStorageSettings(const Json& table, const std::string& where) {
  StorageSettings settings;
  std::string images = "memory";
  RETURN_IF_ERROR(TableReader(table, where)
                      .Choice("images", &images, {"memory", "encrypted-disk"})
                      .Uint("disk_minimum_mib", &settings.disk_minimum_mib, 64, 1 << 26)
                      .Bool("disk_integrity", &settings.disk_integrity)
                      .Finish());
  if (images == "encrypted-disk") {
    settings.images = ImageStorage::kEncryptedDisk;
    return settings;
  }
  for (const char* key : {"disk_minimum_mib", "disk_integrity"}) {
    if (table.contains(key))
      return absl::InvalidArgumentError(
          StrCat(where, ": ", key, " needs images = \"encrypted-disk\""));
  }
  return settings;
}

}  // namespace nacre::guest_agent
