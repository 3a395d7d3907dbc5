#include "guest-agent/init/mounts.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/status_testing.h"
#include "base/strings.h"

namespace nacre::guest_agent {
namespace {

TEST(Mounts, LargePiecesOnlyWhereTheKernelKnowsThem) {
  ASSERT_OK_AND_ASSIGN(const auto sysfs, TemporaryDirectory::Create("sys"));
  EXPECT_EQ(RunOptions(sysfs.path()), "mode=0755,size=75%");
  const std::string sizes = sysfs.path() + "/kernel/mm/transparent_hugepage/hugepages-64kB";
  ASSERT_OK(MakeDirectories(sizes));
  EXPECT_EQ(RunOptions(sysfs.path()), "mode=0755,size=75%");
  ASSERT_OK(WriteFile(sizes + "/shmem_enabled", AsBytes("always [never]\n")));
  EXPECT_EQ(RunOptions(sysfs.path()), "mode=0755,size=75%,huge=within_size");
}

}  // namespace
}  // namespace nacre::guest_agent
