#include "guest-agent/init/modules.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "guest-agent/limits.h"

namespace nacre::guest_agent {
namespace {

TEST(ModuleList, KeepsOrderAndParameters) {
  const auto modules = ParseModuleList("# first\n/a/virtio.ko\n\n/a/net.ko  mtu=1500 x=y # tail\n");
  ASSERT_TRUE(modules.ok()) << modules.status();
  ASSERT_EQ(modules->size(), 2u);
  EXPECT_EQ((*modules)[0].path, "/a/virtio.ko");
  EXPECT_EQ((*modules)[0].parameters, "");
  EXPECT_EQ((*modules)[1].path, "/a/net.ko");
  EXPECT_EQ((*modules)[1].parameters, "mtu=1500 x=y");
  EXPECT_TRUE(ParseModuleList("")->empty());
}

TEST(ModuleList, RefusesRelativePathsAndTooMany) {
  EXPECT_FALSE(ParseModuleList("virtio.ko").ok());
  EXPECT_FALSE(ParseModuleList("/a.ko\nb.ko\n").ok());
  std::string list;
  for (size_t i = 0; i < kMaxModules; ++i) list += "/a.ko\n";
  EXPECT_TRUE(ParseModuleList(list).ok());
  EXPECT_FALSE(ParseModuleList(list + "/a.ko\n").ok());
}

TEST(LoadModules, AMissingListIsNoModulesAndAMissingModuleIsNamed) {
  const TemporaryDirectory folder = TemporaryDirectory::Create("modules").value();
  const std::string list = folder.path() + "/modules.list";
  EXPECT_TRUE(LoadModules(list, "").ok());
  ASSERT_TRUE(WriteFile(list, AsBytes("/nowhere/x.ko\n")).ok());
  EXPECT_EQ(LoadModules(list, "").code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(LoadModules(list, "where").code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(LoadModules(list, "x").ok());
}

}  // namespace
}  // namespace nacre::guest_agent
