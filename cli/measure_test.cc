#include "cli/measure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "attestation/reference/reference_value.h"
#include "attestation/reference/tdx_reference.h"
#include "attestation/reference/tpm_reference.h"
#include "base/encoding.h"
#include "base/file.h"
#include "base/json.h"
#include "base/status_testing.h"
#include "base/strings.h"
#include "crypto/jws.h"
#include "crypto/key.h"
#include "tee/common/launch_inputs.h"
#include "tee/emulator/firmware_image.h"
#include "tee/sev/id_block.h"
#include "tee/sev/report.h"
#include "tee/tdx/quote.h"
#include "tee/tdx/test_firmware.h"

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
    EXPECT_OK(text.status());
    return text.ok() ? ParseJson(text->text)->at("digest").get<std::string>() : "";
  }

  TemporaryDirectory folder_ = TemporaryDirectory::Create("measure").value();
};

TEST_F(MeasureTest, TextNamesEveryPart) {
  ASSERT_OK_AND_ASSIGN(const MeasureOutcome out, Measure(Parts(), kNow));
  const std::string& text = out.text;
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
  EXPECT_STATUS(Measure(options, kNow).status(), kNotFound, "absent");
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

TEST_F(MeasureTest, SignsAReference) {
  MeasureOptions options = Parts();
  options.reference = Path("reference.json");
  options.name = "demo";
  ASSERT_OK(Measure(options, kNow));
  ASSERT_OK_AND_ASSIGN(const std::string plain, ReadTextFile(options.reference, 1 << 20));
  const auto key = *crypto::PrivateKey::GenerateEc(crypto::Curve::kP256);
  ASSERT_OK(WriteFile(Path("sign.key"), key.ToPem()->view(), 0600));
  options.sign_key = Path("sign.key");
  ASSERT_OK(Measure(options, kNow));
  ASSERT_OK_AND_ASSIGN(const std::string text, ReadTextFile(options.reference, 1 << 20));
  ASSERT_OK_AND_ASSIGN(const crypto::Jws jws, crypto::JwsVerify(StripSpace(text), key.public_key(),
                                                                crypto::JwsAlgorithm::kEs256));
  EXPECT_EQ(StrCat(AsText(jws.payload), "\n"), plain);
}

TEST_F(MeasureTest, AKeyThatCannotSignLeavesNoReference) {
  MeasureOptions options = Parts();
  options.sign_key = Path("absent.key");
  EXPECT_STATUS(Measure(options, kNow).status(), kInvalidArgument, "goes with --reference");
  options.reference = Path("reference.json");
  EXPECT_STATUS(Measure(options, kNow).status(), kNotFound, "--sign-key");
  ASSERT_OK(WriteFile(Path("absent.key"), AsBytes("no key"), 0600));
  EXPECT_STATUS(Measure(options, kNow).status(), kInvalidArgument, "--sign-key");
  EXPECT_FALSE(PathExists(options.reference));
}

TEST_F(MeasureTest, OptionsThatDoNotGoTogetherAreRefused) {
  EXPECT_STATUS(Measure({}, kNow).status(), kInvalidArgument, "one of --config");
  MeasureOptions options = Parts();
  options.launch = "x";
  EXPECT_STATUS(Measure(options, kNow).status(), kInvalidArgument, "one of --config");
  options = Parts();
  options.initdata = "x";
  EXPECT_STATUS(Measure(options, kNow).status(), kInvalidArgument, "go with --config");
  options = {};
  options.launch = "x";
  options.append = "y";
  EXPECT_STATUS(Measure(options, kNow).status(), kInvalidArgument, "go with --firmware");
}

TEST_F(MeasureTest, BadValuesAreNamed) {
  MeasureOptions options = Parts();
  options.guest_features = "33";
  EXPECT_STATUS(Measure(options, kNow).status(), kInvalidArgument, "--guest-features");
  options = Parts();
  options.mode = "sgx";
  EXPECT_STATUS(Measure(options, kNow).status(), kInvalidArgument, "sgx");
  options = Parts();
  options.vcpus = 0;
  EXPECT_STATUS(Measure(options, kNow).status(), kInvalidArgument, "vCPUs");
  options = Parts();
  options.vcpu_type = "Athlon";
  EXPECT_STATUS(Measure(options, kNow).status(), kInvalidArgument, "Athlon");
  options = Parts();
  options.kernel = Path("absent");
  EXPECT_STATUS(Measure(options, kNow).status(), kNotFound, "absent");
  options = Parts();
  options.mode = "sev";
  options.reference = Path("reference.json");
  EXPECT_STATUS(Measure(options, kNow).status(), kInvalidArgument, "only mode snp");
  EXPECT_FALSE(PathExists(options.reference));
}

TEST_F(MeasureTest, IdBlockIsSignedForTheDigest) {
  const auto id_key = crypto::PrivateKey::GenerateEc(crypto::Curve::kP384).value();
  const auto author = crypto::PrivateKey::GenerateEc(crypto::Curve::kP384).value();
  ASSERT_OK(WriteFile(Path("id.pem"), id_key.ToPem()->view()));
  ASSERT_OK(WriteFile(Path("author.pem"), author.ToPem()->view()));
  MeasureOptions options = Parts();
  options.id_key = Path("id.pem");
  options.author_key = Path("author.pem");
  options.id_block = Path("block");
  options.id_auth = Path("auth");
  options.family_id = "0102";
  options.guest_svn = 7;
  ASSERT_OK(Measure(options, kNow).status());
  const Bytes block = ReadFile(options.id_block, 4096).value();
  const Bytes auth = ReadFile(options.id_auth, 8192).value();
  ASSERT_OK_AND_ASSIGN(const tee::sev::IdBlock read, tee::sev::ParseIdBlock(block));
  EXPECT_EQ(HexEncode(read.launch_digest), Digest(Parts()));
  EXPECT_EQ(read.family_id[1], 2);
  EXPECT_EQ(read.guest_svn, 7u);
  ASSERT_OK_AND_ASSIGN(const auto info, tee::sev::VerifyIdAuth(block, auth));
  EXPECT_TRUE(info.has_author_key);
  options.family_id = std::string(34, '0');
  EXPECT_STATUS(Measure(options, kNow).status(), kInvalidArgument, "--family-id");
  options.family_id.clear();
  options.id_auth.clear();
  EXPECT_STATUS(Measure(options, kNow).status(), kInvalidArgument, "--id-auth");
  options.id_key.clear();
  EXPECT_STATUS(Measure(options, kNow).status(), kInvalidArgument, "--id-key");
}

class ExplainTest : public MeasureTest {
 protected:
  // A report of the launch that `options` describe.
  std::string ReportOf(const MeasureOptions& options) {
    tee::sev::Report report;
    report.version = 3;
    report.signature_algorithm = 1;
    const Bytes digest = HexDecode(Digest(options)).value();
    std::copy(digest.begin(), digest.end(), report.measurement.begin());
    EXPECT_OK(WriteFile(Path("report"), tee::sev::SerializeReport(report)));
    return Path("report");
  }
  // What is said when `other` was started and Parts() were expected.
  MeasureOutcome Explain(const MeasureOptions& other, std::vector<std::string> also = {}) {
    MeasureOptions options = Parts();
    options.explain = ReportOf(other);
    options.also = std::move(also);
    return Measure(options, kNow).value();
  }
};

TEST_F(ExplainTest, SameLaunch) {
  const MeasureOutcome out = Explain(Parts());
  EXPECT_EQ(out.exit_code, 0);
  EXPECT_THAT(out.text, HasSubstr("same: the launch is the expected one"));
}

TEST_F(ExplainTest, EachPartIsNamed) {
  const auto words = [this](auto change, std::vector<std::string> also = {}) {
    MeasureOptions other = Parts();
    change(&other);
    const MeasureOutcome out = Explain(other, std::move(also));
    EXPECT_EQ(out.exit_code, 1);
    return out.text;
  };
  EXPECT_THAT(words([](MeasureOptions* o) { o->vcpus = 300; }),
              HasSubstr("differs: number of vCPUs differs: expected 1, got 300"));
  EXPECT_THAT(words([](MeasureOptions* o) { o->vcpu_type = "EPYC-Genoa"; }),
              HasSubstr("vCPU model differs: expected EPYC-v4 (0x800f12), got EPYC-Genoa"));
  EXPECT_THAT(words([](MeasureOptions* o) { o->guest_features = "0x21"; }),
              HasSubstr("guest features differ: expected 0x1, got 0x21"));
  EXPECT_THAT(words([](MeasureOptions* o) { o->vmm = "ec2"; }), HasSubstr("VMM differs"));
  EXPECT_THAT(words([](MeasureOptions* o) { o->append = "console=ttyS0"; }),
              HasSubstr("command line differs at argument 2: expected 'quiet', got nothing"));
  EXPECT_THAT(words([](MeasureOptions* o) { o->append = "quiet"; }),
              HasSubstr("command line differs at argument 1: expected 'console=ttyS0'"));
  EXPECT_THAT(words([](MeasureOptions* o) { o->initrd.clear(); }),
              HasSubstr("initrd differs: the guest has none"));
  EXPECT_THAT(words([](MeasureOptions* o) {
                o->vcpus = 4;
                o->vcpu_type = "EPYC-Milan";
              }),
              ::testing::AllOf(HasSubstr("vCPU model differs"), HasSubstr("got 4")));
  ASSERT_OK(WriteFile(Path("kernel2"), AsBytes("another kernel")));
  EXPECT_THAT(words([this](MeasureOptions* o) { o->kernel = Path("kernel2"); }),
              HasSubstr("nothing that was tried"));
  EXPECT_THAT(words([this](MeasureOptions* o) { o->kernel = Path("kernel2"); }, {Path("kernel2")}),
              HasSubstr(StrCat("kernel differs: got ", Path("kernel2"))));
  EXPECT_THAT(words([this](MeasureOptions* o) { o->initrd = Path("kernel2"); }, {Path("kernel2")}),
              HasSubstr(StrCat("initrd differs: got ", Path("kernel2"))));
  Bytes firmware = ReadFile(Path("fw"), 1 << 20).value();
  firmware[0] ^= 1;
  ASSERT_OK(WriteFile(Path("fw2"), firmware));
  EXPECT_THAT(words([this](MeasureOptions* o) { o->firmware = Path("fw2"); }, {Path("fw2")}),
              HasSubstr(StrCat("firmware differs: got ", Path("fw2"))));
}

TEST_F(ExplainTest, WhatCannotBeExplainedIsRefused) {
  MeasureOptions options = Parts();
  options.explain = Path("kernel");
  EXPECT_STATUS(Measure(options, kNow).status(), kInvalidArgument, "not evidence");
  options.explain = ReportOf(Parts());
  options.mode = "sev";
  EXPECT_STATUS(Measure(options, kNow).status(), kInvalidArgument, "mode snp");
  options = Parts();
  options.also = {Path("kernel")};
  EXPECT_STATUS(Measure(options, kNow).status(), kInvalidArgument, "--explain");
}

class TdxMeasureTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(WriteFile(Path("fw"), tee::tdx::BuildTestTdvf()));
    ASSERT_OK(WriteFile(Path("kernel"), tee::tdx::BuildTestKernel("6.12.0 ", Bytes(64))));
    ASSERT_OK(WriteFile(Path("initrd"), AsBytes("an initrd")));
    ASSERT_OK(MakeDirectories(Path("acpi/etc")));
    ByteWriter loader;
    loader.U32Le(1).Put("etc/tables").Zeros(128 - 4 - 10);
    ASSERT_OK(WriteFile(Path("acpi/etc/table-loader"), loader.bytes()));
    ASSERT_OK(WriteFile(Path("acpi/etc/tables"), AsBytes("tables")));
  }
  std::string Path(std::string_view name) const { return StrCat(folder_.path(), "/", name); }
  MeasureOptions Parts() const {
    MeasureOptions options;
    options.mode = "tdx";
    options.firmware = Path("fw");
    options.kernel = Path("kernel");
    options.initrd = Path("initrd");
    options.append = "console=ttyS0 quiet";
    options.memory = "2G";
    options.acpi = Path("acpi");
    return options;
  }
  static Json Registers(MeasureOptions options) {
    options.json = true;
    options.explain.clear();
    options.event_log.clear();
    return ParseJson(Measure(options, kNow).value().text).value();
  }
  // A quote (unsigned) of the launch that `options` describe.
  std::string QuoteOf(const MeasureOptions& options) {
    const Json registers = Registers(options);
    tee::tdx::Quote quote;
    quote.header.version = 4;
    quote.header.attestation_key_type = tee::tdx::kKeyTypeEcdsaP256;
    quote.header.tee_type = tee::tdx::kTeeTypeTdx;
    quote.header.qe_vendor_id = tee::tdx::kIntelQeVendorId;
    quote.td.emplace();
    const auto put = [&registers](const char* name, tee::tdx::Digest384* out) {
      const Bytes bytes = HexDecode(registers.at(name).get<std::string>()).value();
      std::copy(bytes.begin(), bytes.end(), out->begin());
    };
    put("mrtd", &quote.td->mrtd);
    put("rtmr0", &quote.td->rtmr[0]);
    put("rtmr1", &quote.td->rtmr[1]);
    put("rtmr2", &quote.td->rtmr[2]);
    quote.signature.certification_type = tee::tdx::kCertificationPckChain;
    EXPECT_OK(WriteFile(Path("quote"), tee::tdx::SerializeQuote(quote)));
    return Path("quote");
  }
  std::string Explain(const std::function<void(MeasureOptions*)>& change,
                      std::vector<std::string> also = {}) {
    MeasureOptions other = Parts();
    change(&other);
    MeasureOptions options = Parts();
    options.explain = QuoteOf(other);
    options.also = std::move(also);
    const auto out = Measure(options, kNow);
    EXPECT_OK(out.status());
    return out.ok() ? out->text : "";
  }

  TemporaryDirectory folder_ = TemporaryDirectory::Create("measure").value();
};

TEST_F(TdxMeasureTest, TextFitsAndNamesEveryEvent) {
  ASSERT_OK_AND_ASSIGN(const MeasureOutcome out, Measure(Parts(), kNow));
  for (const char* part : {"launch measurement (tdx)\n", "  MRTD ", "  RTMR2 ", "2048 MiB",
                           "  RTMR0  TD HOB\n", "  RTMR1  kernel image\n", "  RTMR2  initrd\n"}) {
    EXPECT_THAT(out.text, HasSubstr(part));
  }
  MeasureOptions options = Parts();
  options.acpi.clear();
  EXPECT_THAT(Measure(options, kNow)->text, HasSubstr("not computed: needs QEMU's ACPI tables"));
}

TEST_F(TdxMeasureTest, ReferenceHoldsTheRegisters) {
  MeasureOptions options = Parts();
  options.reference = Path("reference.json");
  options.name = "web";
  ASSERT_OK(Measure(options, kNow).status());
  ASSERT_OK_AND_ASSIGN(const std::string text, ReadTextFile(options.reference, 1 << 20));
  ASSERT_OK_AND_ASSIGN(const auto reference, attestation::ParseTdxReference(text));
  EXPECT_EQ(reference.name, "web");
  EXPECT_EQ(HexEncode(reference.mrtd), Registers(Parts()).at("mrtd"));
}

TEST_F(TdxMeasureTest, ExplainNamesTheRegisterAndThePart) {
  EXPECT_THAT(Explain([](MeasureOptions*) {}), ::testing::EndsWith("\nsame\n"));
  EXPECT_THAT(Explain([](MeasureOptions* o) { o->memory = "8G"; }),
              HasSubstr("RTMR0  differs: memory size differs: expected 2048 MiB, got 8192 MiB"));
  EXPECT_THAT(Explain([](MeasureOptions* o) { o->append = "console=ttyS0"; }),
              HasSubstr("RTMR2  differs: command line differs at argument 2"));
  EXPECT_THAT(Explain([](MeasureOptions* o) { o->rtmr_profile = "separator=rtmr0"; }),
              ::testing::AllOf(HasSubstr("RTMR1  differs: the guest's firmware and kernel measure "
                                         "by another profile: separator=rtmr0"),
                               HasSubstr("RTMR2  same")));
  EXPECT_THAT(Explain([](MeasureOptions* o) { o->mrtd_order = "per-section"; }),
              HasSubstr("MRTD   differs: the host adds pages in the other order"));
  ASSERT_OK(WriteFile(Path("kernel2"), tee::tdx::BuildTestKernel("6.12.0 ", Bytes(65))));
  EXPECT_THAT(Explain([this](MeasureOptions* o) { o->kernel = Path("kernel2"); }),
              HasSubstr("RTMR1  differs: nothing that was tried accounts for it"));
  EXPECT_THAT(
      Explain([this](MeasureOptions* o) { o->kernel = Path("kernel2"); }, {Path("kernel2")}),
      HasSubstr(StrCat("RTMR1  differs: kernel differs: got ", Path("kernel2"))));
}

TEST_F(TdxMeasureTest, PcrsOfAMeasuredBoot) {
  MeasureOptions options = Parts();
  options.mode = "tpm";
  options.firmware.clear();
  options.acpi.clear();
  options.reference = Path("tpm.json");
  ASSERT_OK_AND_ASSIGN(const MeasureOutcome out, Measure(options, kNow));
  EXPECT_THAT(out.text, HasSubstr("  PCR 9  "));
  ASSERT_OK_AND_ASSIGN(const std::string text, ReadTextFile(options.reference, 1 << 20));
  ASSERT_OK_AND_ASSIGN(const auto reference, attestation::ParseTpmReference(text));
  EXPECT_EQ(attestation::SerializeTpmReference(reference).value() + "\n", text);
  std::string broken = text;
  broken.replace(broken.find("\"pcr\": 4"), 8, "\"pcr\": 5");
  EXPECT_STATUS(attestation::ParseTpmReference(broken).status(), kInvalidArgument, "do not follow");
  options.memory.clear();
  EXPECT_STATUS(Measure(options, kNow).status(), kInvalidArgument, "--memory");
  options = Parts();
  options.mode = "tpm";
  options.kernel.clear();
  EXPECT_STATUS(Measure(options, kNow).status(), kInvalidArgument, "--kernel");
}

TEST_F(TdxMeasureTest, BadValuesAreNamed) {
  const auto with = [this](auto change) {
    MeasureOptions options = Parts();
    change(&options);
    return Measure(options, kNow).status();
  };
  for (const char* bad : {"2048", "0G", "2T", "G", "-1G", "99999999999G"}) {
    EXPECT_STATUS(with([bad](MeasureOptions* o) { o->memory = bad; }), kInvalidArgument,
                  "--memory");
  }
  EXPECT_STATUS(with([](MeasureOptions* o) { o->memory.clear(); }), kInvalidArgument, "memory");
  EXPECT_STATUS(with([](MeasureOptions* o) { o->mrtd_order = "x"; }), kInvalidArgument,
                "--mrtd-order");
  EXPECT_STATUS(with([](MeasureOptions* o) { o->rtmr_profile = "x"; }), kInvalidArgument,
                "--rtmr-profile");
  EXPECT_STATUS(with([](MeasureOptions* o) { o->acpi = "/nonexistent"; }), kNotFound, "ACPI");
  EXPECT_STATUS(with([](MeasureOptions* o) { o->mode = "snp"; }), kInvalidArgument, "--acpi");
}

}  // namespace
}  // namespace nacre::cli
