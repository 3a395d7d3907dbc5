// What is made of the disk the host offers: a pure function of its size, of this machine's memory
// and of the owner's settings.
//
// For "erofs-verity" it is dm-crypt alone, over which disk_volumes.h puts checks of its own. For
// "encrypted-disk": two layers of the kernel's device mapper. dm-crypt: AES-256 in XTS over sectors
// of 4 KiB, under a key that this machine made for itself. Below it, unless the owner turned it
// off, dm-integrity: the SHA-256 of each sector's number and ciphertext, cut to 128 bits, compared
// at every read. The tags are kept in the guest's memory and not on the disk. The host therefore
// cannot change a sector, nor move it, nor bring an older one back; tags beside the data, under
// whatever key, would not see the last. It costs 16 bytes of memory for each 4 KiB that was ever
// written.
//
// Nothing on the disk describes it: no header, no LUKS. There is nothing to parse that the host
// could have written.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "guest-agent/storage/device_mapper.h"
#include "guest-agent/storage/storage_settings.h"

namespace nacre::guest_agent {

inline constexpr size_t kScratchKeySize = 64;  // two AES-256 keys

struct ScratchPlan {
  uint64_t sectors = 0;  // of 512 bytes: what is used of the disk
  // What the tags can grow to, with what dm-integrity keeps beside them; 0 without integrity.
  uint64_t tag_device_kib = 0;
  // Where, from the start, the file system's tables are: bytes that may be read before they were
  // written.
  uint64_t table_bytes = 0;
};

// kFailedPrecondition, saying what is too small for what the owner wants. Of a disk that is more
// than 32 times the memory only that much is used, so that tags take at most an eighth of it.
absl::StatusOr<ScratchPlan> PlanScratch(const StorageSettings& settings, uint64_t disk_sectors,
                                        uint64_t memory_bytes);

// `disk`, `tags` and `below` are device nodes; `key` names a KernelKey of kScratchKeySize bytes.
DeviceTable IntegrityTable(const ScratchPlan& plan, std::string_view disk, std::string_view tags);
DeviceTable CryptTable(const ScratchPlan& plan, std::string_view below, std::string_view key);

// The command that makes the file system, which needs the first and the last kScratchMargin bytes
// of the device to be written, and with integrity the first `table_bytes` of the layer below to be
// discarded: else a sector that nobody wrote cannot be read.
inline constexpr size_t kScratchMargin = 64 << 10;
std::vector<std::string> FilesystemCommand(const std::string& device);

}  // namespace nacre::guest_agent
