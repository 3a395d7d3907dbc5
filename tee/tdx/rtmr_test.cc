#include "tee/tdx/rtmr.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/status_testing.h"
#include "base/strings.h"
#include "crypto/digest.h"
#include "tee/tdx/authenticode.h"
#include "tee/tdx/linux_boot.h"
#include "tee/tdx/measurement.h"
#include "tee/tdx/td_hob.h"
#include "tee/tdx/test_firmware.h"

namespace nacre::tee::tdx {
namespace {

constexpr uint64_t kGib = uint64_t{1} << 30;

Bytes Sha384(ByteView data) { return crypto::Digest(crypto::HashAlgorithm::kSha384, data); }

Bytes Loader(const std::vector<std::string>& files) {
  ByteWriter out;
  for (const std::string& file : files) {
    out.U32Le(1).Put(file).Zeros(56 - file.size()).Zeros(68);
  }
  return out.U32Le(2).Zeros(124).Release();  // add a pointer: allocates nothing
}

FwCfgFiles Acpi() {
  return {{std::string(kTableLoader), Loader({"etc/acpi/rsdp", "etc/acpi/tables"})},
          {"etc/acpi/rsdp", Bytes{1}},
          {"etc/acpi/tables", Bytes{2, 3}}};
}

TdxLaunchFiles Files() {
  return {BuildTestTdvf(), BuildTestKernel("6.12.1-nacre (x)", Bytes(5000, 9)), Bytes(70000, 4),
          Acpi()};
}

LaunchInputs Inputs() {
  LaunchInputs inputs;
  inputs.mode = LaunchMode::kTdx;
  inputs.firmware_path = "f";
  inputs.kernel_path = "k";
  inputs.initrd_path = "i";
  inputs.command_line = "console=ttyS0";
  inputs.memory_bytes = 2 * kGib;
  return inputs;
}

std::vector<std::string> Names(const TdxMeasurement& measurement, int index) {
  std::vector<std::string> out;
  for (const RtmrEvent& event : measurement.events) {
    if (event.index == index) out.push_back(event.name);
  }
  return out;
}

TEST(TdHob, SplitsMemoryAtFourGibibytes) {
  const auto sections = TestSections();
  EXPECT_EQ(MemoryBelow4G(kSplitThreshold - 4096), kSplitThreshold - 4096);
  EXPECT_EQ(MemoryBelow4G(kSplitThreshold), kLowMemoryWhenSplit);
  ASSERT_OK_AND_ASSIGN(const Bytes small, BuildTdHob(sections, 2 * kGib));
  ASSERT_OK_AND_ASSIGN(const Bytes large, BuildTdHob(sections, 8 * kGib));
  EXPECT_EQ(large.size(), small.size() + 48);
  // Three holes between four accepted ranges, one of which touches its neighbour.
  EXPECT_EQ(small.size(), 56u + 48 * 8);
  EXPECT_STATUS(BuildTdHob(sections, kGib + 1).status(), kInvalidArgument, "guest memory");
  EXPECT_STATUS(BuildTdHob(sections, kMaxGuestMemory + 4096).status(), kInvalidArgument, "memory");
  EXPECT_OK(BuildTdHob(sections, 0x820000).status());
  EXPECT_STATUS(BuildTdHob(sections, 0x81f000).status(), kInvalidArgument, "does not hold");
  EXPECT_STATUS(BuildTdHob({sections[0]}, kGib).status(), kInvalidArgument, "no TD_HOB");
}

TEST(Authenticode, CoversAllButChecksumAndCertificates) {
  const auto digest = [](const Bytes& image) {
    return AuthenticodeDigest(crypto::HashAlgorithm::kSha384, image).value();
  };
  const Bytes plain = BuildTestKernel("6.1.0 ", Bytes(100, 1));
  Bytes expected = plain;
  constexpr size_t kChecksum = 0x40 + 24 + 64;
  constexpr size_t kRow = 0x40 + 24 + 112 + 4 * 8;
  expected.erase(expected.begin() + kRow, expected.begin() + kRow + 8);
  expected.erase(expected.begin() + kChecksum, expected.begin() + kChecksum + 4);
  EXPECT_EQ(digest(plain), Sha384(expected));
  Bytes changed = plain;
  changed[kChecksum] ^= 1;
  EXPECT_EQ(digest(changed), digest(plain));
  changed[0x10] ^= 1;
  EXPECT_NE(digest(changed), digest(plain));
  Bytes trailing = plain;
  trailing.push_back(7);
  EXPECT_NE(digest(trailing), digest(plain));
  Bytes is_signed = plain;
  is_signed[kRow] = static_cast<uint8_t>(plain.size());
  is_signed[kRow + 1] = static_cast<uint8_t>(plain.size() >> 8);
  is_signed[kRow + 4] = 16;
  is_signed.resize(plain.size() + 16, 0x77);
  EXPECT_EQ(digest(is_signed), digest(plain));
  is_signed.push_back(0);
  EXPECT_STATUS(AuthenticodeDigest(crypto::HashAlgorithm::kSha384, is_signed).status(),
                kInvalidArgument, "last bytes");
}

TEST(Authenticode, RefusesWhatIsNoImage) {
  const auto status = [](const Bytes& image) {
    return AuthenticodeDigest(crypto::HashAlgorithm::kSha384, image).status();
  };
  EXPECT_FALSE(status({}).ok());
  EXPECT_STATUS(status(Bytes(4096)), kInvalidArgument, "MZ");
  const Bytes good = BuildTestKernel("6.1.0 ", Bytes(100, 1));
  const auto with = [&good](size_t offset, uint8_t value) {
    Bytes image = good;
    image[offset] = value;
    return image;
  };
  EXPECT_STATUS(status(with(0x40, 'Q')), kInvalidArgument, "PE");
  EXPECT_STATUS(status(with(0x58, 7)), kInvalidArgument, "PE32");
  EXPECT_STATUS(status(with(0x58 + 62, 1)), kInvalidArgument, "headers do not fit");
  EXPECT_STATUS(status(with(0x46, 97)), kInvalidArgument, "97 sections");
  EXPECT_STATUS(status(with(0xf8 + 23, 0xff)), kInvalidArgument, "section 1");
  Bytes cut = good;
  cut.resize(0x80);
  EXPECT_FALSE(status(cut).ok());
}

TEST(LinuxBoot, KernelVersion) {
  EXPECT_EQ(ReadKernelVersion(BuildTestKernel("6.12.1-nacre", {})), (KernelVersion{6, 12}));
  EXPECT_EQ(ReadKernelVersion(BuildTestKernel("10.2 x", {})), (KernelVersion{10, 2}));
  EXPECT_EQ(ReadKernelVersion(BuildTestKernel("six", {})), std::nullopt);
  EXPECT_EQ(ReadKernelVersion(Bytes(0x1000)), std::nullopt);
  EXPECT_EQ(ReadKernelVersion({}), std::nullopt);
}

TEST(LinuxBoot, FillsTheSetupHeaderAsQemuDoes) {
  const Bytes kernel = BuildTestKernel("6.1.0 ", Bytes(100));
  ASSERT_OK_AND_ASSIGN(const Bytes out, PatchSetupHeader(kernel, 0x100000, "quiet", 2 * kGib));
  EXPECT_EQ(out[0x210], 0xb0);
  EXPECT_EQ(out[0x211], 0x81);
  EXPECT_EQ(ByteReader(ByteView(out).subspan(0x224)).U16Le("").value(), 0xfe00);
  EXPECT_EQ(ByteReader(ByteView(out).subspan(0x228)).U32Le("").value(), 0x20000u);
  EXPECT_EQ(ByteReader(ByteView(out).subspan(0x218)).U32Le("").value(),
            (0x80000000u - 0x28000 - 1 - 0x100000) & ~4095u);
  EXPECT_EQ(ByteReader(ByteView(out).subspan(0x21c)).U32Le("").value(), 0x100000u);
  ASSERT_OK_AND_ASSIGN(const Bytes large, PatchSetupHeader(kernel, 0x100000, "quiet", 8 * kGib));
  EXPECT_EQ(large, out);  // 2 GiB of it lie below 4 GiB
  EXPECT_STATUS(PatchSetupHeader(kernel, 0, "a vga=ask", kGib).status(), kInvalidArgument, "vga=");
  EXPECT_STATUS(PatchSetupHeader(kernel, kGib, "", kGib).status(), kInvalidArgument, "not fit");
  EXPECT_STATUS(PatchSetupHeader(kernel, 1, "", 0x28000).status(), kInvalidArgument, "too small");
  EXPECT_STATUS(PatchSetupHeader(Bytes(0x1000), 0, "", kGib).status(), kInvalidArgument, "bzImage");
}

TEST(RtmrProfile, ReadsWhatItWrites) {
  ASSERT_OK_AND_ASSIGN(
      const RtmrProfile profile,
      ParseRtmrProfile("separator=rtmr0, secure-boot=off,kernel=patched,entry=silent"));
  EXPECT_EQ(FormatRtmrProfile(profile),
            "separator=rtmr0,secure-boot=off,kernel=patched,entry=silent");
  EXPECT_EQ(FormatRtmrProfile(ParseRtmrProfile("").value()),
            "separator=rtmr1,secure-boot=absent,kernel=file");
  EXPECT_STATUS(ParseRtmrProfile("separator=rtmr2").status(), kInvalidArgument, "rtmr2");
}

TEST(TableLoader, NamesFilesInItsOrder) {
  EXPECT_THAT(TableLoaderFiles(Loader({"etc/b", "etc/a"})).value(),
              ::testing::ElementsAre("etc/b", "etc/a"));
  EXPECT_FALSE(TableLoaderFiles({}).ok());
  EXPECT_FALSE(TableLoaderFiles(Bytes(127)).ok());
  EXPECT_STATUS(TableLoaderFiles(Bytes(128)).status(), kInvalidArgument, "nothing");
  EXPECT_STATUS(TableLoaderFiles(Loader({"/etc/a"})).status(), kInvalidArgument, "under etc");
  EXPECT_STATUS(TableLoaderFiles(Loader({"etc/../a"})).status(), kInvalidArgument, "under etc");
  EXPECT_STATUS(TableLoaderFiles(Loader(std::vector<std::string>(33, "etc/a"))).status(),
                kInvalidArgument, "too many");
}

TEST(FwCfgFolder, ReadsSysfsAndPlainLayouts) {
  auto folder = TemporaryDirectory::Create("nacre-fwcfg").value();
  ASSERT_OK(MakeDirectories(folder.path() + "/etc/acpi/tables"));
  ASSERT_OK(WriteFile(folder.path() + "/etc/table-loader", Acpi().at(std::string(kTableLoader))));
  ASSERT_OK(WriteFile(folder.path() + "/etc/acpi/tables/raw", Bytes{2, 3}));
  EXPECT_STATUS(ReadFwCfgFolder(folder.path()).status(), kNotFound, "etc/acpi/rsdp");
  ASSERT_OK(WriteFile(folder.path() + "/etc/acpi/rsdp", Bytes{1}));
  EXPECT_EQ(ReadFwCfgFolder(folder.path()).value(), Acpi());
}

TEST(TdxMeasurement, EventsOfADirectBoot) {
  ASSERT_OK_AND_ASSIGN(const TdxMeasurement out, MeasureTdxLaunch(Inputs(), {}, Files()));
  EXPECT_THAT(Names(out, 0),
              ::testing::ElementsAre("TD HOB", "variable store", "variable SecureBoot",
                                     "variable PK", "variable KEK", "variable db", "variable dbx",
                                     "separator", "ACPI table loader", "ACPI etc/acpi/rsdp",
                                     "ACPI etc/acpi/tables", "boot order", "boot entry 0000"));
  EXPECT_THAT(
      Names(out, 1),
      ::testing::ElementsAre("kernel image", "action 'Calling EFI Application from Boot Option'",
                             "separator", "action 'Exit Boot Services Invocation'",
                             "action 'Exit Boot Services Returned with Success'"));
  EXPECT_THAT(Names(out, 2), ::testing::ElementsAre("command line", "initrd"));
  EXPECT_EQ(out.events[out.events.size() - 1].digest, Sha384(Bytes(70000, 4)));
  std::vector<RtmrEvent> last(out.events.end() - 2, out.events.end());
  EXPECT_EQ(*out.rtmr[2], ReplayRtmr(last));
  EXPECT_EQ(ReplayRtmr({}), Bytes(48));
}

TEST(TdxMeasurement, CommandLineIsWideAndNamesTheInitrd) {
  ASSERT_OK_AND_ASSIGN(const TdxMeasurement out, MeasureTdxLaunch(Inputs(), {}, Files()));
  Bytes wide;
  for (char c : std::string("console=ttyS0 initrd=initrd") + '\0') {
    wide.push_back(static_cast<uint8_t>(c));
    wide.push_back(0);
  }
  EXPECT_EQ(out.events[out.events.size() - 2].digest, Sha384(wide));
}

TEST(TdxMeasurement, ProfilesChangeWhatTheySay) {
  const auto with = [](std::string_view profile) {
    TdxLaunchOptions options;
    options.profile = ParseRtmrProfile(profile).value();
    return MeasureTdxLaunch(Inputs(), options, Files()).value();
  };
  const TdxMeasurement plain = with("");
  const auto differ = [&plain](const TdxMeasurement& other) {
    std::string out;
    for (size_t i = 0; i < 3; ++i) out += *plain.rtmr[i] == *other.rtmr[i] ? '=' : '!';
    return out;
  };
  EXPECT_EQ(differ(with("separator=rtmr0")), "!!=");
  EXPECT_EQ(differ(with("secure-boot=off")), "!==");
  EXPECT_EQ(differ(with("kernel=patched")), "=!=");
  EXPECT_EQ(differ(with("entry=silent")), "==!");
  EXPECT_EQ(*with("entry=silent").rtmr[2], Bytes(48));
  EXPECT_EQ(with("separator=rtmr0").mrtd, plain.mrtd);
}

TEST(TdxMeasurement, OlderKernelsDoNotMeasure) {
  TdxLaunchFiles files = Files();
  files.kernel = BuildTestKernel("6.8.12 ", Bytes(5000, 9));
  EXPECT_EQ(*MeasureTdxLaunch(Inputs(), {}, files)->rtmr[2], Bytes(48));
  files.kernel = BuildTestKernel("6.9.0 ", Bytes(5000, 9));
  EXPECT_NE(*MeasureTdxLaunch(Inputs(), {}, files)->rtmr[2], Bytes(48));
}

TEST(TdxMeasurement, LeavesOutWhatIsNotGiven) {
  TdxLaunchFiles files = Files();
  files.acpi.reset();
  ASSERT_OK_AND_ASSIGN(const TdxMeasurement no_acpi, MeasureTdxLaunch(Inputs(), {}, files));
  EXPECT_FALSE(no_acpi.rtmr[0].has_value());
  EXPECT_TRUE(no_acpi.rtmr[1] && no_acpi.rtmr[2]);
  LaunchInputs firmware_only;
  firmware_only.mode = LaunchMode::kTdx;
  firmware_only.firmware_path = "f";
  ASSERT_OK_AND_ASSIGN(const TdxMeasurement bare, MeasureTdxLaunch(firmware_only, {}, files));
  EXPECT_EQ(bare.mrtd, no_acpi.mrtd);
  EXPECT_FALSE(bare.rtmr[0] || bare.rtmr[1] || bare.rtmr[2]);
}

TEST(TdxMeasurement, RefusesWhatDoesNotFit) {
  LaunchInputs inputs = Inputs();
  inputs.memory_bytes = 0;
  EXPECT_STATUS(MeasureTdxLaunch(inputs, {}, Files()).status(), kInvalidArgument, "memory size");
  TdxLaunchFiles files = Files();
  files.firmware = Bytes(4096);
  EXPECT_STATUS(MeasureTdxLaunch(Inputs(), {}, files).status(), kNotFound, "TDVF");
  files = Files();
  files.kernel = Bytes(4096);
  EXPECT_STATUS(MeasureTdxLaunch(Inputs(), {}, files).status(), kInvalidArgument, "kernel");
  files = Files();
  files.acpi->erase("etc/acpi/rsdp");
  EXPECT_STATUS(MeasureTdxLaunch(Inputs(), {}, files).status(), kInvalidArgument, "etc/acpi/rsdp");
  files.acpi->clear();
  EXPECT_STATUS(MeasureTdxLaunch(Inputs(), {}, files).status(), kInvalidArgument, "table-loader");
}

}  // namespace
}  // namespace nacre::tee::tdx
