#include "runtime/hypervisor/scratch_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "base/file.h"

namespace nacre::runtime {
namespace {

using ::testing::HasSubstr;

class ScratchFile : public ::testing::Test {
 protected:
  absl::StatusOr<UniqueFd> Make(uint64_t mib, const std::string& folder) {
    SandboxPlan plan;
    plan.scratch_disk_mib = mib;
    plan.scratch_disk_folder = folder;
    return MakeScratchFile(plan);
  }
  TemporaryDirectory root_ = TemporaryDirectory::Create("scratch").value();
};

TEST_F(ScratchFile, IsSparseAndHasNoName) {
  const std::string folder = root_.path() + "/a/b";
  const auto fd = Make(4096, folder);
  ASSERT_TRUE(fd.ok()) << fd.status();
  struct stat file = {};
  ASSERT_EQ(::fstat(fd->get(), &file), 0);
  EXPECT_EQ(file.st_size, int64_t{4096} << 20);
  EXPECT_EQ(file.st_blocks, 0);
  EXPECT_EQ(file.st_nlink, 0u);
  EXPECT_EQ(file.st_mode & 0777, 0600u);
  EXPECT_TRUE(std::filesystem::is_empty(folder));
  ASSERT_EQ(::stat(folder.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0700u);
}

TEST_F(ScratchFile, TwoGuestsNeverShareOne) {
  const auto one = Make(64, root_.path()), two = Make(64, root_.path());
  ASSERT_TRUE(one.ok() && two.ok());
  ASSERT_TRUE(WriteAll(one->get(), AsBytes("x")).ok());
  struct stat file = {};
  ASSERT_EQ(::fstat(two->get(), &file), 0);
  EXPECT_EQ(file.st_blocks, 0);
}

TEST_F(ScratchFile, NoneWithoutASize) {
  const auto fd = Make(0, "/nonexistent");
  ASSERT_TRUE(fd.ok());
  EXPECT_FALSE(fd->valid());
}

TEST_F(ScratchFile, AFolderThatCannotBeIsNamed) {
  const std::string file = root_.path() + "/file";
  ASSERT_TRUE(WriteFile(file, AsBytes("x")).ok());
  const auto fd = Make(64, file + "/below");
  ASSERT_FALSE(fd.ok());
  EXPECT_THAT(std::string(fd.status().message()), HasSubstr(file));
}

}  // namespace
}  // namespace nacre::runtime
