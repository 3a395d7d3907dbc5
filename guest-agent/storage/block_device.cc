#include "guest-agent/storage/block_device.h"

#include <dirent.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <memory>
#include <vector>

#include "base/file.h"
#include "base/strings.h"

namespace nacre::guest_agent {
namespace {

constexpr size_t kMaxAttribute = 64;  // virtio-blk serials have 20 bytes

std::string Attribute(const std::string& folder, std::string_view name, std::string_view key) {
  const auto text = ReadTextFile(StrCat(folder, "/", name, "/", key), kMaxAttribute);
  return text.ok() ? std::string(StripSpace(*text)) : "";
}

absl::StatusOr<std::vector<std::string>> NamesWithSerial(std::string_view serial,
                                                         const std::string& folder) {
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(opendir(folder.c_str()), closedir);
  if (dir == nullptr) return ErrnoStatus(errno, folder);
  std::vector<std::string> names;
  while (const dirent* entry = readdir(dir.get())) {
    if (entry->d_name[0] != '.' && Attribute(folder, entry->d_name, "serial") == serial)
      names.emplace_back(entry->d_name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

absl::StatusOr<BlockDevice> FindBlockDevice(std::string_view serial, const BlockFolders& folders) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names,
                   NamesWithSerial(serial, folders.block_folder));
  if (names.empty())
    return absl::NotFoundError(StrCat("no block device has the serial '", serial, "'"));
  if (names.size() > 1)
    return absl::InvalidArgumentError(
        StrCat("several block devices have the serial '", serial, "': ", StrJoin(names, ", ")));
  BlockDevice device{StrCat(folders.device_folder, "/", names.front())};
  const std::string size = Attribute(folders.block_folder, names.front(), "size");
  std::from_chars(size.data(), size.data() + size.size(), device.sectors);
  return device;
}

}  // namespace nacre::guest_agent
