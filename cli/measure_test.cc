#include "cli/measure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attestation/reference/reference_value.h"
#include "base/encoding.h"
#include "base/file.h"
#include "base/json.h"
#include "base/status_testing.h"
#include "base/strings.h"
#include "tee/common/launch_inputs.h"
#include "tee/emulator/firmware_image.h"

namespace nacre::cli {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kNow = 1'800'000'000;

class MeasureTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(WriteFile(Path("fw"), tee::emulator::BuildStandInFirmware()));
    ASSERT_OK(WriteFile(Path("kernel"), AsBytes("a kernel")));
    ASSERT_OK(WriteFile(Path("initrd"), AsBytes("an initrd")));
  }
  std::string Path(std::string_view name) const { return StrCat(folder_.path(), "/", name); }
  MeasureOptions Parts() const {
    MeasureOptions options;
    options.firmware = Path("fw");
    options.kernel = Path("kernel");
    options.initrd = Path("initrd");
    options.append = "console=ttyS0 quiet";
    return options;
  }
  static std::string Digest(MeasureOptions options) {
    options.json = true;
    const auto text = Measure(options, kNow);
    EXPECT_OK(text);
    return text.ok() ? ParseJson(*text)->at("digest").get<std::string>() : "";
  }

  TemporaryDirectory folder_ = TemporaryDirectory::Create("measure").value();
};

TEST_F(MeasureTest, TextNamesEveryPart) {
  ASSERT_OK_AND_ASSIGN(const std::string text, Measure(Parts(), kNow));
  for (const char* part : {"launch measurement (snp): ", "firmware", "initrd",
                           "console=ttyS0 quiet", "1 x EPYC-v4", "0x1"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

TEST_F(MeasureTest, LaunchDocumentAndPartsAgree) {
  tee::LaunchInputs inputs;
  inputs.firmware_path = Path("fw");
  inputs.kernel_path = Path("kernel");
  inputs.initrd_path = Path("initrd");
  inputs.command_line = "console=ttyS0 quiet";
  ASSERT_OK_AND_ASSIGN(const std::string launch, tee::SerializeLaunchInputs(inputs));
  ASSERT_OK(WriteFile(Path("launch.json"), AsBytes(launch)));
  MeasureOptions options;
  options.launch = Path("launch.json");
  EXPECT_EQ(Digest(options), Digest(Parts()));
  EXPECT_EQ(Digest(Parts()).size(), 96u);
}

TEST_F(MeasureTest, RuntimeConfigurationIsMeasuredWithAPodsArguments) {
  const std::string toml =
      StrCat("[hypervisor]\ntee = \"emulated-snp\"\nfirmware = \"", Path("fw"), "\"\nkernel = \"",
             Path("kernel"), "\"\ninitrd = \"", Path("initrd"),
             "\"\n[emulator]\npath = \"/bin/true\"\ndir = \"", folder_.path(), "\"\n");
  ASSERT_OK(WriteFile(Path("runtime.toml"), AsBytes(toml)));
  MeasureOptions options;
  options.config = Path("runtime.toml");
  const std::string plain = Digest(options);
  options.kernel_params = "demo.changed=1";
  EXPECT_NE(Digest(options), plain);
  options.kernel_params = "";
  options.initdata = Path("absent");
  EXPECT_STATUS(Measure(options, kNow), kNotFound, "absent");
}

TEST_F(MeasureTest, WritesAReferenceTheBrokerReads) {
  MeasureOptions options = Parts();
  options.reference = Path("reference.json");
  options.name = "demo";
  options.valid_days = 2;
  ASSERT_OK(Measure(options, kNow));
  ASSERT_OK_AND_ASSIGN(const std::string text, ReadTextFile(options.reference, 1 << 20));
  ASSERT_OK_AND_ASSIGN(const auto reference, attestation::ParseReferenceValue(text));
  EXPECT_EQ(reference.name, "demo");
  EXPECT_EQ(reference.created, kNow);
  EXPECT_EQ(reference.expires, kNow + 2 * 24 * 3600);
  EXPECT_EQ(HexEncode(reference.measurement.digest), Digest(Parts()));
}

TEST_F(MeasureTest, OptionsThatDoNotGoTogetherAreRefused) {
  EXPECT_STATUS(Measure({}, kNow), kInvalidArgument, "one of --config");
  MeasureOptions options = Parts();
  options.launch = "x";
  EXPECT_STATUS(Measure(options, kNow), kInvalidArgument, "one of --config");
  options = Parts();
  options.initdata = "x";
  EXPECT_STATUS(Measure(options, kNow), kInvalidArgument, "go with --config");
  options = {};
  options.launch = "x";
  options.append = "y";
  EXPECT_STATUS(Measure(options, kNow), kInvalidArgument, "go with --firmware");
}

TEST_F(MeasureTest, BadValuesAreNamed) {
  MeasureOptions options = Parts();
  options.guest_features = "33";
  EXPECT_STATUS(Measure(options, kNow), kInvalidArgument, "--guest-features");
  options = Parts();
  options.mode = "sgx";
  EXPECT_STATUS(Measure(options, kNow), kInvalidArgument, "sgx");
  options = Parts();
  options.vcpus = 0;
  EXPECT_STATUS(Measure(options, kNow), kInvalidArgument, "vCPUs");
  options = Parts();
  options.vcpu_type = "Athlon";
  EXPECT_STATUS(Measure(options, kNow), kInvalidArgument, "Athlon");
  options = Parts();
  options.kernel = Path("absent");
  EXPECT_STATUS(Measure(options, kNow), kNotFound, "absent");
  options = Parts();
  options.mode = "sev";
  options.reference = Path("reference.json");
  EXPECT_STATUS(Measure(options, kNow), kInvalidArgument, "only mode snp");
  EXPECT_FALSE(PathExists(options.reference));
}

}  // namespace
}  // namespace nacre::cli
