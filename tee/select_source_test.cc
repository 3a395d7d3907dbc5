#include "tee/select_source.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/status_testing.h"
#include "base/strings.h"

namespace nacre::tee {
namespace {

constexpr std::string_view kEmulated = "console=ttyS0 nacre.tee=emulated quiet\n";

class SelectSource : public ::testing::Test {
 protected:
  void SetUp() override {
    options_.tsm_report_folder = folder_.path() + "/report";
    options_.virtio_ports_folder = folder_.path() + "/ports";
    options_.device_folder = folder_.path() + "/dev";
  }
  void AddPort(const std::string& device, std::string_view name) {
    ASSERT_OK(MakeDirectories(StrCat(options_.virtio_ports_folder, "/", device)));
    ASSERT_OK(WriteFile(StrCat(options_.virtio_ports_folder, "/", device, "/name"),
                        AsBytes(StrCat(name, "\n"))));
  }
  std::string Selected(std::string_view command_line) {
    const auto source = SelectEvidenceSource(command_line, options_);
    return source.ok() ? std::string((*source)->name()) : std::string();
  }

  TemporaryDirectory folder_ = TemporaryDirectory::Create("select").value();
  EvidenceSourceOptions options_;
};

TEST_F(SelectSource, HardwareComesFirst) {
  ASSERT_OK(MakeDirectories(options_.tsm_report_folder));
  AddPort("vport1p1", "org.nacre.tee.0");
  EXPECT_EQ(Selected("console=ttyS0"), "configfs-tsm");
  EXPECT_EQ(Selected(kEmulated), "configfs-tsm");
}

TEST_F(SelectSource, DevicesComeAfterConfigfsInTheirOrder) {
  ASSERT_OK(MakeDirectories(options_.device_folder));
  ASSERT_OK(WriteFile(options_.device_folder + "/tdx_guest", {}));
  EXPECT_EQ(Selected(""), "tdx-guest");
  ASSERT_OK(WriteFile(options_.device_folder + "/sev-guest", {}));
  EXPECT_EQ(Selected(""), "sev-guest");
  EXPECT_EQ(Selected(kEmulated), "sev-guest");
  ASSERT_OK(MakeDirectories(options_.tsm_report_folder));
  EXPECT_EQ(Selected(""), "configfs-tsm");
}

// As under a kernel with the TEE's drivers on a machine without one. In /proc no folder can be made
// either.
TEST_F(SelectSource, ConfigfsWithoutAProviderIsPassedOver) {
  options_.tsm_report_folder = "/proc";
  AddPort("vport1p2", "org.nacre.tee.0");
  EXPECT_EQ(Selected(kEmulated), "emulator");
  EXPECT_STATUS(SelectEvidenceSource("", options_), kUnavailable, "/proc");
  ASSERT_OK(MakeDirectories(options_.device_folder));
  ASSERT_OK(WriteFile(options_.device_folder + "/sev-guest", {}));
  EXPECT_EQ(Selected(""), "sev-guest");
}

TEST_F(SelectSource, EmulatorOnlyWhenTheCommandLineSaysSo) {
  AddPort("vport1p1", "org.nacre.agent.0");
  AddPort("vport1p2", "org.nacre.tee.0");
  EXPECT_EQ(Selected(kEmulated), "emulator");
  EXPECT_STATUS(SelectEvidenceSource("console=ttyS0", options_), kUnavailable,
                "does not say nacre.tee=emulated");
  EXPECT_STATUS(SelectEvidenceSource("xnacre.tee=emulated", options_), kUnavailable, "");
  EXPECT_STATUS(SelectEvidenceSource("", options_), kUnavailable, options_.tsm_report_folder);
}

TEST_F(SelectSource, PortMustExist) {
  EXPECT_STATUS(SelectEvidenceSource(kEmulated, options_), kUnavailable, "org.nacre.tee.0");
  AddPort("vport1p1", "org.nacre.tee.01");
  EXPECT_STATUS(SelectEvidenceSource(kEmulated, options_), kUnavailable, "org.nacre.tee.0");
}

TEST_F(SelectSource, OddArgumentsAreRefusedEvenWithHardware) {
  ASSERT_OK(MakeDirectories(options_.tsm_report_folder));
  EXPECT_STATUS(SelectEvidenceSource("nacre.tee=none", options_), kInvalidArgument, "emulated");
  EXPECT_STATUS(SelectEvidenceSource("nacre.tee=", options_), kInvalidArgument, "nacre.tee=");
  EXPECT_STATUS(SelectEvidenceSource("nacre.tee=emulated nacre.tee=emulated", options_),
                kInvalidArgument, "twice");
}

}  // namespace
}  // namespace nacre::tee
