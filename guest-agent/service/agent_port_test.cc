#include "guest-agent/service/agent_port.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/status_testing.h"
#include "base/strings.h"

namespace nacre::guest_agent {
namespace {

class AgentPortTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryDirectory::Create("pci");
    ASSERT_TRUE(folder.ok());
    folder_.emplace(std::move(*folder));
  }
  void AddDevice(std::string_view slot, std::string_view vendor, std::string_view device) {
    const std::string path = StrCat(folder_->path(), "/", slot);
    ASSERT_OK(MakeDirectories(path));
    ASSERT_OK(WriteFile(path + "/vendor", AsBytes(StrCat(vendor, "\n"))));
    ASSERT_OK(WriteFile(path + "/device", AsBytes(StrCat(device, "\n"))));
  }
  AgentPort Found() const { return FindAgentPort(folder_->path()); }
  std::optional<TemporaryDirectory> folder_;
};

TEST_F(AgentPortTest, VsockWhereTheMachineHasIt) {
  AddDevice("0000:00:01.0", "0x1af4", "0x1043");  // virtio-serial
  AddDevice("0000:00:02.0", "0x1af4", "0x1053");
  EXPECT_EQ(Found(), AgentPort::kVsock);
}

TEST_F(AgentPortTest, TransitionalVsockCounts) {
  AddDevice("0000:00:02.0", "0x1af4", "0x1012");
  EXPECT_EQ(Found(), AgentPort::kVsock);
}

TEST_F(AgentPortTest, SerialOtherwise) {
  EXPECT_EQ(Found(), AgentPort::kVirtioSerial);
  AddDevice("0000:00:01.0", "0x1af4", "0x1043");
  AddDevice("0000:00:03.0", "0x8086", "0x1053");  // another maker's number
  EXPECT_EQ(Found(), AgentPort::kVirtioSerial);
  EXPECT_EQ(FindAgentPort("/nowhere"), AgentPort::kVirtioSerial);
}

TEST(AgentServer, OnlyTheHostMayConnect) { EXPECT_EQ(AgentServerOptions().require_cid, 2u); }

}  // namespace
}  // namespace nacre::guest_agent
