#include "tee/sev/launch_digest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/file.h"
#include "crypto/digest.h"
#include "tee/common/refusal_class.h"
#include "tee/emulator/firmware_image.h"
#include "tee/sev/firmware.h"
#include "tee/sev/kernel_hashes.h"
#include "tee/sev/vmsa.h"

namespace nacre::tee::sev {
namespace {

using ::testing::HasSubstr;

LaunchInputs Inputs() {
  LaunchInputs inputs;
  inputs.firmware_path = "fw";
  inputs.kernel_path = "k";
  inputs.initrd_path = "i";
  inputs.command_line = "console=ttyS0 quiet";
  inputs.vcpus = 2;
  return inputs;
}

absl::StatusOr<Measurement> Measure(const LaunchInputs& inputs,
                                    std::string_view kernel = "kernel bytes",
                                    std::string_view initrd = "initrd bytes") {
  return MeasureLaunch(inputs, emulator::BuildStandInFirmware(), AsBytes(kernel), AsBytes(initrd));
}

std::string Refusal(const absl::StatusOr<Measurement>& measurement) {
  return measurement.ok() ? "" : std::string(measurement.status().message());
}

// Computed by sev-snp-measure 0.0.13 over the same bytes.
TEST(LaunchDigest, AgreesWithSevSnpMeasure) {
  LaunchInputs inputs = Inputs();
  EXPECT_EQ(HexEncode(Measure(inputs).value().digest),
            "9f590204e69ce5b34a74e4e9c017b3bcea375b7fff048be8"
            "c1e891e31fa05047441777e514b9846b4be3a1063e00eeb9");
  inputs.mode = LaunchMode::kSevEs;
  EXPECT_EQ(HexEncode(Measure(inputs).value().digest),
            "3d55b67febe5fff4c6bae7ea9855736be2e2c92692681a0dacbbdb5d7512221c");
  inputs.mode = LaunchMode::kSev;
  EXPECT_EQ(HexEncode(Measure(inputs).value().digest),
            "2d34ce0a244167a2f286504e1121b6d0351c02fdb14069cce7942f7320e6c425");
}

TEST(LaunchDigest, EveryInputChangesIt) {
  const Bytes base = Measure(Inputs()).value().digest;
  EXPECT_EQ(base.size(), 48u);
  LaunchInputs inputs = Inputs();
  inputs.command_line += " ";
  EXPECT_NE(Measure(inputs).value().digest, base);
  inputs = Inputs();
  inputs.vcpus = 3;
  EXPECT_NE(Measure(inputs).value().digest, base);
  inputs = Inputs();
  inputs.vcpu_type = "EPYC-Milan";
  EXPECT_NE(Measure(inputs).value().digest, base);
  inputs = Inputs();
  inputs.guest_features = 0x21;
  EXPECT_NE(Measure(inputs).value().digest, base);
  EXPECT_NE(Measure(Inputs(), "kernel byteZ").value().digest, base);
  EXPECT_NE(Measure(Inputs(), "kernel bytes", "").value().digest, base);
  Bytes firmware = emulator::BuildStandInFirmware();
  firmware[0x2000] = 1;
  EXPECT_NE(MeasureLaunch(Inputs(), firmware, AsBytes("kernel bytes"), AsBytes("initrd bytes"))
                .value()
                .digest,
            base);
  // HOST_DATA is reported beside the measurement, not in it.
  inputs = Inputs();
  inputs.host_data.fill(1);
  EXPECT_EQ(Measure(inputs).value().digest, base);
}

TEST(LaunchDigest, VcpuTypesOfOneFamilyAreOne) {
  LaunchInputs inputs = Inputs();
  const Bytes base = Measure(inputs).value().digest;
  for (const char* alias : {"EPYC", "EPYC-v1", "0x800f12"}) {
    inputs.vcpu_type = alias;
    EXPECT_EQ(Measure(inputs).value().digest, base) << alias;
  }
  for (const char* unknown : {"", "epyc", "EPYC-v5", "host", "0x", "0x1234567890", "-1"}) {
    inputs.vcpu_type = unknown;
    EXPECT_THAT(Refusal(Measure(inputs)), HasSubstr("known: EPYC")) << unknown;
  }
}

TEST(LaunchDigest, ReplayGivesTheSame) {
  const Measurement measurement = Measure(Inputs()).value();
  EXPECT_EQ(ReplaySnpDigest(measurement).value(), measurement.digest);
  Measurement changed = measurement;
  changed.kernel_hashes->command_line = CommandLineHash("other");
  EXPECT_NE(ReplaySnpDigest(changed).value(), measurement.digest);
}

TEST(LaunchDigest, ReplayRefusesWhatIsNotAnSnpMeasurement) {
  const Measurement good = Measure(Inputs()).value();
  Measurement bad = good;
  bad.mode = LaunchMode::kSev;
  EXPECT_FALSE(ReplaySnpDigest(bad).ok());
  bad = good;
  bad.firmware.launch_prefix.pop_back();
  EXPECT_FALSE(ReplaySnpDigest(bad).ok());
  for (uint32_t vcpus : {0u, kMaxVcpus + 1}) {
    bad = good;
    bad.vcpus = vcpus;
    EXPECT_FALSE(ReplaySnpDigest(bad).ok());
  }
  bad = good;
  bad.kernel_hashes->initrd.pop_back();
  EXPECT_FALSE(ReplaySnpDigest(bad).ok());
  bad = good;
  bad.firmware.hash_table_gpa.reset();
  EXPECT_FALSE(ReplaySnpDigest(bad).ok());
  bad = good;
  bad.firmware.hash_table_gpa = 0x810fff - 174;  // one byte too far to fit its page
  EXPECT_THAT(std::string(ReplaySnpDigest(bad).status().message()), HasSubstr("crosses"));
  bad.firmware.hash_table_gpa = 0x810fff - 175;
  EXPECT_TRUE(ReplaySnpDigest(bad).ok());
  bad = good;
  bad.firmware.reset_eip.reset();
  EXPECT_FALSE(ReplaySnpDigest(bad).ok());
  bad.vcpus = 1;
  EXPECT_TRUE(ReplaySnpDigest(bad).ok());
}

TEST(LaunchDigest, RefusesOddSections) {
  const Measurement good = Measure(Inputs()).value();
  for (uint32_t type : {0u, 5u, 0x11u, 0xffffffffu}) {
    Measurement bad = good;
    bad.firmware.sections[0].type = type;
    EXPECT_THAT(std::string(ReplaySnpDigest(bad).status().message()), HasSubstr("unknown type"));
  }
  Measurement bad = good;
  bad.firmware.sections[0].size += 1;
  EXPECT_FALSE(ReplaySnpDigest(bad).ok());
  bad.firmware.sections[0].size = 0xfffff000;
  EXPECT_FALSE(ReplaySnpDigest(bad).ok());
  bad = good;
  for (FirmwareSection& section : bad.firmware.sections) {
    if (section.type == kSectionKernelHashes) section.type = kSectionMemory;
  }
  EXPECT_THAT(std::string(ReplaySnpDigest(bad).status().message()),
              HasSubstr("no section for kernel hashes"));
}

TEST(LaunchDigest, InputsThatDoNotFitAreRefused) {
  LaunchInputs inputs = Inputs();
  inputs.vcpus = 0;
  EXPECT_THAT(Refusal(Measure(inputs)), HasSubstr("vCPUs"));
  inputs = Inputs();
  inputs.kernel_path.clear();
  EXPECT_THAT(Refusal(Measure(inputs)), HasSubstr("needs a kernel"));
  EXPECT_FALSE(MeasureLaunch(Inputs(), Bytes(4095), {}, {}).ok());
  EXPECT_FALSE(MeasureLaunch(Inputs(), Bytes(), {}, {}).ok());
  EXPECT_THAT(Refusal(MeasureLaunch(Inputs(), Bytes(4096), {}, {})), HasSubstr("kernel hashes"));
}

TEST(LaunchDigest, FilesAndBytesAgree) {
  const auto folder = TemporaryDirectory::Create("launch").value();
  LaunchInputs inputs = Inputs();
  inputs.firmware_path = folder.path() + "/fw";
  inputs.kernel_path = folder.path() + "/k";
  inputs.initrd_path = folder.path() + "/i";
  ASSERT_TRUE(WriteFile(inputs.firmware_path, emulator::BuildStandInFirmware()).ok());
  ASSERT_TRUE(WriteFile(inputs.kernel_path, AsBytes("kernel bytes")).ok());
  EXPECT_EQ(MeasureLaunch(inputs).status().code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(WriteFile(inputs.initrd_path, AsBytes("initrd bytes")).ok());
  EXPECT_EQ(MeasureLaunch(inputs).value().digest, Measure(Inputs()).value().digest);
}

TEST(KernelHashes, CommandLineIsHashedWithItsNul) {
  const std::string with_nul("abc\0", 4);
  EXPECT_EQ(CommandLineHash("abc"),
            crypto::Digest(crypto::HashAlgorithm::kSha256, AsBytes(with_nul)));
}

// Debian's own firmware, which has SNP metadata but no place for kernel hashes; digests by
// sev-snp-measure 0.0.13.
TEST(LaunchDigest, DebiansFirmware) {
  constexpr char kPath[] = "/usr/share/ovmf/OVMF.fd";
  constexpr char kSha256[] = "7b456907dd0786d415999e801a1ac4637b8ed4d7cf5378cfc6edbe5e574dd773";
  const auto image = ReadFile(kPath, kMaxFirmware);
  if (!image.ok()) GTEST_SKIP() << "no " << kPath << " (package ovmf)";
  const auto layout = ParseFirmware(*image);
  ASSERT_TRUE(layout.ok()) << layout.status();
  EXPECT_TRUE(layout->hash_table_gpa && layout->reset_eip);
  EXPECT_GE(layout->sections.size(), 3u);
  LaunchInputs inputs;
  inputs.firmware_path = kPath;
  inputs.guest_features = 0x21;
  const Measurement one = MeasureLaunch(inputs).value();
  inputs.guest_features = 0x1;
  inputs.vcpus = 4;
  const Measurement four = MeasureLaunch(inputs).value();
  inputs.mode = LaunchMode::kSevEs;
  const Measurement es = MeasureLaunch(inputs).value();
  inputs.mode = LaunchMode::kSnp;
  inputs.kernel_path = "/dev/null";
  EXPECT_EQ(ClassOf(MeasureLaunch(inputs).status(), RefusalClass::kNone),
            RefusalClass::kNoKernelHashes);
  if (HexEncode(one.firmware.sha256) != kSha256) {
    GTEST_SKIP() << kPath << " is of another version than the digests are of";
  }
  EXPECT_EQ(HexEncode(one.digest),
            "c32245cb607f82791b60757bf0b344d9030e5b5a107342e6"
            "9c09e668ff28aca5af9ca1dc41ce74f5a4e81aeaeb5e7b54");
  EXPECT_EQ(HexEncode(four.digest),
            "32ac9d7a17d28f7cd4404a4516d2f00519668c40ada20623"
            "51c36767e908eb3f090d66c33ab10f80150e00a4385b6d0f");
  EXPECT_EQ(HexEncode(es.digest),
            "5f69b0f48cbd00c7bed859a9d597034d426b3a64a443674755132d833bf0e480");
}

// Amazon's profile has had two forms; both digests were checked against sev-snp-measure's.
TEST(LaunchDigest, Ec2ProfilesDiffer) {
  LaunchInputs inputs = Inputs();
  inputs.vmm = VmmProfile::kEc2;
  const Bytes newest = Measure(inputs).value().digest;
  inputs.vmm = VmmProfile::kEc2V1;
  const Bytes first = Measure(inputs).value().digest;
  inputs.vmm = VmmProfile::kQemu;
  EXPECT_NE(newest, first);
  EXPECT_NE(Measure(inputs).value().digest, first);
  EXPECT_EQ(ParseVmmProfile("ec2-v1").value(), VmmProfile::kEc2V1);
  const Bytes page = BuildVmsaPage({kResetVector, 0x800f12, 0x1, VmmProfile::kEc2V1});
  EXPECT_EQ(page[0x311], 0);  // RDX
  EXPECT_EQ(BuildVmsaPage({kResetVector, 0x800f12, 0x1, VmmProfile::kEc2})[0x311], 6);
}

TEST(Vmsa, ResetStateOfBootAndOtherProcessors) {
  const Bytes boot = BuildVmsaPage({kResetVector, 0x800f12, 0x1, VmmProfile::kQemu});
  ASSERT_EQ(boot.size(), 4096u);
  EXPECT_EQ(boot[0x178], 0xf0);  // RIP
  EXPECT_EQ(boot[0x179], 0xff);
  EXPECT_EQ(boot[0x310], 0x12);  // RDX
  EXPECT_EQ(boot[0x3b0], 0x01);
  const Bytes other = BuildVmsaPage({0x80b004, 0x800f12, 0x1, VmmProfile::kQemu});
  EXPECT_EQ(other[0x1a], 0x80);  // CS base
  EXPECT_EQ(other[0x178], 0x04);
  EXPECT_NE(BuildVmsaPage({kResetVector, 0, 1, VmmProfile::kEc2}),
            BuildVmsaPage({kResetVector, 0, 1, VmmProfile::kGce}));
}

}  // namespace
}  // namespace nacre::tee::sev
