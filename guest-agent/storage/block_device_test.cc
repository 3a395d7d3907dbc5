#include "guest-agent/storage/block_device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/strings.h"

namespace nacre::guest_agent {
namespace {

using ::testing::HasSubstr;

class BlockDeviceTest : public ::testing::Test {
 protected:
  void Add(const std::string& name, std::string_view serial, std::string_view size) {
    const std::string folder = StrCat(folders_.block_folder, "/", name);
    ASSERT_TRUE(MakeDirectories(folder).ok());
    ASSERT_TRUE(WriteFile(folder + "/serial", AsBytes(serial)).ok());
    ASSERT_TRUE(WriteFile(folder + "/size", AsBytes(size)).ok());
  }
  TemporaryDirectory root_ = TemporaryDirectory::Create("blocks").value();
  BlockFolders folders_{root_.path() + "/block", "/dev"};
};

TEST_F(BlockDeviceTest, IsFoundByItsWholeSerial) {
  Add("vda", "initdata", "8\n");
  Add("vdb", "scratch\n", "8388608\n");
  Add("vdc", "scratch2", "16\n");
  const auto disk = FindBlockDevice("scratch", folders_);
  ASSERT_TRUE(disk.ok()) << disk.status();
  EXPECT_EQ(disk->path, "/dev/vdb");
  EXPECT_EQ(disk->sectors, 8388608u);
}

TEST_F(BlockDeviceTest, NoneAndSeveralAreErrors) {
  Add("vda", "initdata", "8\n");
  EXPECT_EQ(FindBlockDevice("scratch", folders_).status().code(), absl::StatusCode::kNotFound);
  Add("vdb", "scratch", "8\n");
  Add("vdc", "scratch", "16\n");
  const auto two = FindBlockDevice("scratch", folders_).status();
  EXPECT_EQ(two.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(two.message(), HasSubstr("vdb, vdc"));
}

TEST_F(BlockDeviceTest, ASizeThatIsNoneIsNothing) {
  for (const char* size : {"", "x", "99999999999999999999999999"}) {
    Add("vda", "scratch", size);
    EXPECT_EQ(FindBlockDevice("scratch", folders_)->sectors, 0u) << size;
  }
}

}  // namespace
}  // namespace nacre::guest_agent
