// Why the tags need no key: who would forge a tag has to write into the guest's memory; who would
// change a sector under the tag that is there has to find a second ciphertext with the same 128
// bits.
//
// What was never written: dm-integrity refuses to read it. ext4 does read such sectors, of its
// tables of files: it fills them as files come, and reads a block of them with the first file in
// it. To write them all in advance is a 64th of the disk at every start. So they are put at the
// disk's beginning, and that part is discarded first: it reads, until it is written, as whatever
// the host has there, through a cipher whose key it does not know. That is noise, as on any disk
// that was used before, and ext4 takes nothing from an entry it has not made. Everywhere else
// reading what was not written stays an error. No copies of the superblock: each would be a
// kilobyte written into a sector that nobody wrote before. No journal, since nobody mounts it a
// second time.
#include "guest-agent/storage/scratch_plan.h"

#include <algorithm>

#include "base/strings.h"

namespace nacre::guest_agent {
namespace {

constexpr uint64_t kSectorsPerBlock = 8;  // 4 KiB
constexpr uint64_t kSectorsPerMib = 2048;
constexpr uint64_t kTagSize = 16;
constexpr uint64_t kDiskPerMemory = 32;  // an eighth of the memory, 16 bytes for 4 KiB
constexpr uint64_t kJournalKib = 1024;   // dm-integrity formats one even where it is not used
constexpr uint64_t kFileEvery = 16384;   // bytes of disk for one file
constexpr uint64_t kInodeSize = 256;
constexpr uint64_t kMaxSectors = uint64_t{1} << 37;  // 64 TiB

}  // namespace

absl::StatusOr<ScratchPlan> PlanScratch(const StorageSettings& settings, uint64_t disk_sectors,
                                        uint64_t memory_bytes) {
  const uint64_t wanted = settings.disk_minimum_mib * kSectorsPerMib;
  ScratchPlan plan;
  plan.sectors = std::min(disk_sectors, kMaxSectors);
  if (plan.sectors < wanted)
    return absl::FailedPreconditionError(
        StrCat("scratch disk: it has ", disk_sectors / kSectorsPerMib,
               " MiB, the owner wants at least ", settings.disk_minimum_mib));
  if (disk_sectors % kSectorsPerBlock != 0)
    return absl::FailedPreconditionError(
        StrCat("scratch disk: its ", disk_sectors, " sectors are no whole number of 4 KiB blocks"));
  if (settings.images != ImageStorage::kEncryptedDisk || !settings.disk_integrity) return plan;
  plan.sectors = std::min(plan.sectors, memory_bytes / 4096 * kDiskPerMemory * kSectorsPerBlock);
  if (plan.sectors < wanted)
    return absl::FailedPreconditionError(
        StrCat("scratch disk: integrity of the ", settings.disk_minimum_mib,
               " MiB the owner wants needs ", settings.disk_minimum_mib / kDiskPerMemory,
               " MiB of memory or more, the guest has ", memory_bytes >> 20));
  const uint64_t bytes = plan.sectors * 512;
  const uint64_t tables = bytes / kFileEvery * kInodeSize + bytes / 8192 + (1 << 20);
  plan.table_bytes = std::min(tables / 4096 * 4096, bytes);
  plan.tag_device_kib = plan.sectors / kSectorsPerBlock * kTagSize / 1024 + 1 + kJournalKib;
  return plan;
}

// drivers/md/dm-integrity.c: device, reserved sectors, tag size, mode (D: written directly, no
// journal), options. One buffer of tags is 4 KiB, so that little is read and kept for one sector.
DeviceTable IntegrityTable(const ScratchPlan& plan, std::string_view disk, std::string_view tags) {
  return {{0, plan.sectors, "integrity",
           StrCat(disk, " 0 ", kTagSize, " D 6 meta_device:", tags,
                  " block_size:4096 internal_hash:sha256 journal_sectors:8 buffer_sectors:8 "
                  "allow_discards")}};
}

// drivers/md/dm-crypt.c: cipher, key, IV offset, device, start, options.
DeviceTable CryptTable(const ScratchPlan& plan, std::string_view below, std::string_view key) {
  return {{0, plan.sectors, "crypt",
           StrCat("aes-xts-plain64 :", kScratchKeySize, ":logon:", key, " 0 ", below,
                  " 0 2 sector_size:4096 iv_large_sectors")}};
}

std::vector<std::string> FilesystemCommand(const std::string& device) {
  return {"/usr/bin/mke2fs",
          "-q",
          "-F",
          "-t",
          "ext4",
          "-b",
          "4096",
          "-I",
          StrCat(kInodeSize),
          "-i",
          StrCat(kFileEvery),
          "-m",
          "0",
          "-O",
          "^has_journal,^resize_inode,^metadata_csum,^sparse_super,sparse_super2,uninit_bg",
          "-E",
          "nodiscard,num_backup_sb=0,packed_meta_blocks=1,lazy_itable_init=1",
          device};
}

}  // namespace nacre::guest_agent
