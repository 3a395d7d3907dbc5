#include "guest-agent/storage/storage_settings.h"

#include "base/strings.h"
#include "base/toml.h"

namespace nacre::guest_agent {

absl::StatusOr<StorageSettings> ParseStorageSettings(const Json& table, const std::string& where) {
  StorageSettings settings;
  std::string images = "memory";
  RETURN_IF_ERROR(TableReader(table, where)
                      .Choice("images", &images, {"memory", "encrypted-disk", "erofs-verity"})
                      .Uint("disk_minimum_mib", &settings.disk_minimum_mib, 64, 1 << 26)
                      .Bool("disk_integrity", &settings.disk_integrity)
                      .Finish());
  if (images == "encrypted-disk") settings.images = ImageStorage::kEncryptedDisk;
  if (images == "erofs-verity") settings.images = ImageStorage::kErofsVerity;
  if (settings.images == ImageStorage::kMemory && table.contains("disk_minimum_mib"))
    return absl::InvalidArgumentError(
        StrCat(where, ": disk_minimum_mib needs images = \"encrypted-disk\" or \"erofs-verity\""));
  if (settings.images == ImageStorage::kErofsVerity && table.contains("disk_integrity"))
    return absl::InvalidArgumentError(
        StrCat(where,
               ": disk_integrity has no meaning with images = \"erofs-verity\", which "
               "checks every block"));
  if (settings.images == ImageStorage::kMemory && table.contains("disk_integrity"))
    return absl::InvalidArgumentError(
        StrCat(where, ": disk_integrity needs images = \"encrypted-disk\""));
  return settings;
}

}  // namespace nacre::guest_agent
