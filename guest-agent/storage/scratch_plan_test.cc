#include "guest-agent/storage/scratch_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <regex>

#include "base/file.h"
#include "base/strings.h"
#include "base/subprocess.h"

namespace nacre::guest_agent {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kMib = 2048;  // in sectors
constexpr uint64_t kMemory = uint64_t{512} << 20;

StorageSettings Disk(uint64_t minimum_mib, bool integrity = true) {
  return {ImageStorage::kEncryptedDisk, minimum_mib, integrity};
}

TEST(ScratchPlan, UsesTheWholeDisk) {
  const auto plan = PlanScratch(Disk(256), 4096 * kMib, kMemory);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->sectors, 4096 * kMib);
  // 16 bytes for each of 2^20 blocks, the kernel's journal, and one more for what was cut.
  EXPECT_EQ(plan->tag_device_kib, 16384u + 1024 + 1);
  EXPECT_EQ(plan->table_bytes, (64u << 20) + (512u << 10) + (1u << 20));
}

TEST(ScratchPlan, TagsTakeAtMostAnEighthOfTheMemory) {
  const auto plan = PlanScratch(Disk(256), uint64_t{1} << 36, kMemory);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->sectors, 16384 * kMib);
  EXPECT_LE(plan->tag_device_kib, 65536u + 1025);
  const auto without = PlanScratch(Disk(256, false), uint64_t{1} << 36, kMemory);
  ASSERT_TRUE(without.ok()) << without.status();
  EXPECT_EQ(without->sectors, uint64_t{1} << 36);
  EXPECT_EQ(without->tag_device_kib, 0u);
  EXPECT_EQ(without->table_bytes, 0u);
}

TEST(ScratchPlan, VolumesNeedNoTagsAndHaveTheWholeDisk) {
  const StorageSettings volumes{ImageStorage::kErofsVerity, 256};
  const auto plan = PlanScratch(volumes, uint64_t{1} << 36, kMemory);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->sectors, uint64_t{1} << 36);
  EXPECT_EQ(plan->tag_device_kib, 0u);
  EXPECT_FALSE(PlanScratch(volumes, 255 * kMib, kMemory).ok());
  EXPECT_FALSE(PlanScratch(volumes, 256 * kMib + 1, kMemory).ok());
}

TEST(ScratchPlan, TheOwnersMinimumHoldsForDiskAndMemory) {
  EXPECT_TRUE(PlanScratch(Disk(1024), 1024 * kMib, kMemory).ok());
  const auto small = PlanScratch(Disk(1024), 1024 * kMib - 8, kMemory);
  EXPECT_EQ(small.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(small.status().message()),
              HasSubstr("it has 1023 MiB, the owner wants at least 1024"));
  EXPECT_TRUE(PlanScratch(Disk(16384), 20000 * kMib, kMemory).ok());
  const auto memory = PlanScratch(Disk(16385), 20000 * kMib, kMemory);
  EXPECT_EQ(memory.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(memory.status().message()),
              HasSubstr("needs 512 MiB of memory or more, the guest has 512"));
  EXPECT_TRUE(PlanScratch(Disk(16385, false), 20000 * kMib, kMemory).ok());
}

TEST(ScratchPlan, SizesOfAHostileHost) {
  EXPECT_FALSE(PlanScratch(Disk(64), 0, kMemory).ok());
  const auto odd = PlanScratch(Disk(64), 64 * kMib + 1, kMemory);
  EXPECT_THAT(std::string(odd.status().message()), HasSubstr("131073 sectors"));
  EXPECT_FALSE(PlanScratch(Disk(64), UINT64_MAX, kMemory).ok());
  EXPECT_TRUE(PlanScratch(Disk(64), UINT64_MAX - 7, kMemory).ok());
  EXPECT_EQ(PlanScratch(Disk(64, false), UINT64_MAX - 7, kMemory)->sectors, uint64_t{1} << 37);
  EXPECT_FALSE(PlanScratch(Disk(64), 64 * kMib, 0).ok());
}

TEST(ScratchPlan, TablesAreWhatTheKernelReads) {
  const ScratchPlan plan{1024 * kMib, 5121, 0};
  EXPECT_EQ(
      IntegrityTable(plan, "/dev/vdb", "/dev/ram0"),
      (DeviceTable{{0, 2097152, "integrity",
                    "/dev/vdb 0 16 D 6 meta_device:/dev/ram0 block_size:4096 "
                    "internal_hash:sha256 journal_sectors:8 buffer_sectors:8 allow_discards"}}));
  EXPECT_EQ(CryptTable(plan, "/dev/dm-0", "nacre:scratch"),
            (DeviceTable{{0, 2097152, "crypt",
                          "aes-xts-plain64 :64:logon:nacre:scratch 0 /dev/dm-0 0 2 "
                          "sector_size:4096 iv_large_sectors"}}));
}

// Where the tables go, mke2fs decides: what it makes on a file of the same size lies within
// table_bytes (dumpe2fs says so), whatever the size.
class Tables : public ::testing::TestWithParam<uint64_t> {};

TEST_P(Tables, LieWhereReadingIsAllowed) {
  const TemporaryDirectory folder = TemporaryDirectory::Create("tables").value();
  const std::string disk = folder.path() + "/disk";
  ASSERT_TRUE(WriteFile(disk, {}).ok());
  const auto plan = PlanScratch(Disk(64), GetParam() * kMib, kMemory);
  ASSERT_TRUE(plan.ok()) << plan.status();
  ASSERT_EQ(truncate(disk.c_str(), plan->sectors * 512), 0);
  std::vector<std::string> command = FilesystemCommand(disk);
  command[0] = "mke2fs";
  SubprocessOptions make, dump;
  make.argv = command;
  dump.argv = {"dumpe2fs", disk};
  const std::vector<std::string> environment = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"};
  make.env = dump.env = environment;
  const auto made = RunCommand(std::move(make));
  if (absl::IsNotFound(made.status())) GTEST_SKIP() << made.status();
  ASSERT_TRUE(made.ok() && made->exit.code == 0) << made->err;
  const auto dumped = RunCommand(std::move(dump), {}, 16 << 20);
  ASSERT_TRUE(dumped.ok()) << dumped.status();
  // "Inode table at 35-290 (+35)", "Block bitmap at 17 (+17)"
  const std::regex places("(?:table|bitmap) at (\\d+)(?:-(\\d+))?");
  uint64_t last = 0;
  for (std::sregex_iterator it(dumped->out.begin(), dumped->out.end(), places), end; it != end;
       ++it)
    last = std::max<uint64_t>(last, std::stoull((*it)[2].matched ? (*it)[2] : (*it)[1]));
  EXPECT_GT(last, 0u);
  EXPECT_LE((last + 1) * 4096, plan->table_bytes);
}

INSTANTIATE_TEST_SUITE_P(Sizes, Tables, ::testing::Values(64, 127, 511, 513, 4097, 16384));

}  // namespace
}  // namespace nacre::guest_agent
