#include "attestation/verifier/verifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attestation/verifier/launch_difference.h"
#include "base/encoding.h"
#include "tee/emulator/firmware_image.h"
#include "tee/sev/launch_digest.h"
#include "tee/sev/test_chip.h"

namespace nacre::attestation {
namespace {

using tee::sev::kTestNow;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kCommandLine[] = "console=ttyS0 quiet loglevel=3 panic=-1";

tee::Measurement Measure(const std::string& command_line = kCommandLine, uint32_t vcpus = 1,
                         std::string_view kernel = "kernel") {
  tee::LaunchInputs inputs;
  inputs.firmware_path = inputs.kernel_path = "given";
  inputs.command_line = command_line;
  inputs.vcpus = vcpus;
  return tee::sev::MeasureLaunch(inputs, tee::emulator::BuildStandInFirmware(), AsBytes(kernel), {})
      .value();
}

class VerifierTest : public ::testing::Test {
 protected:
  // What a guest started as `launched` would send in a session whose report data begins with 7.
  SnpAppraisalRequest Request(const tee::Measurement& launched) const {
    SnpAppraisalRequest request;
    request.evidence = chip_.Evidence([&](tee::sev::Report& report) {
      std::copy(launched.digest.begin(), launched.digest.end(), report.measurement.begin());
      report.report_data[0] = 7;
      report.host_data.fill(0x33);
    });
    request.expected_report_data.bytes[0] = 7;
    request.initdata_digest = Bytes(32, 0x33);
    request.hint = LaunchHint{launched.command_line, launched.vcpus};
    request.references = references_;
    request.now = kTestNow;
    return request;
  }
  tee::Appraisal Appraise(const SnpAppraisalRequest& request) const {
    return Verifier({chip_.Trust(), {}}).AppraiseSnp(request);
  }
  std::string Refusal(const tee::Measurement& launched) const {
    return Appraise(Request(launched)).refusal;
  }

  tee::sev::TestChip chip_;
  std::vector<ReferenceValue> references_{{"demo", Measure(), kTestNow - 10, kTestNow + 10}};
};

TEST_F(VerifierTest, AffirmsTheExpectedLaunch) {
  const tee::Appraisal appraisal = Appraise(Request(Measure()));
  EXPECT_TRUE(appraisal.affirmed()) << appraisal.refusal;
  EXPECT_EQ(appraisal.reference, "demo");
  EXPECT_EQ(appraisal.checks.back().name, "launch measurement");
}

TEST_F(VerifierTest, HintIsNotNeededToAffirm) {
  SnpAppraisalRequest request = Request(Measure());
  request.hint.reset();
  EXPECT_TRUE(Appraise(request).affirmed());
  request.hint = LaunchHint{"a lie", 99};
  EXPECT_TRUE(Appraise(request).affirmed());
}

TEST_F(VerifierTest, NamesTheFirstDifferingArgument) {
  const std::string line(kCommandLine);
  EXPECT_EQ(Refusal(Measure(line + " nacre.demo=changed")),
            "launch measurement refused: command line differs at argument 5: expected nothing, got "
            "'nacre.demo=changed'");
  EXPECT_EQ(Refusal(Measure("console=ttyS0 quiet loglevel=7 panic=-1")),
            "launch measurement refused: command line differs at argument 3: expected "
            "'loglevel=3', got 'loglevel=7'");
  EXPECT_EQ(Refusal(Measure("console=ttyS0 quiet loglevel=3")),
            "launch measurement refused: command line differs at argument 4: expected "
            "'panic=-1', got nothing");
  EXPECT_EQ(Refusal(Measure(line + " ")),
            "launch measurement refused: command line differs in its spaces");
}

TEST_F(VerifierTest, NamesTheNumberOfVcpus) {
  EXPECT_EQ(Refusal(Measure(kCommandLine, 3)),
            "launch measurement refused: number of vCPUs differs: expected 1, got 3");
  EXPECT_THAT(Refusal(Measure("init=/bin/sh", 3)),
              HasSubstr("argument 1: expected 'console=ttyS0', got 'init=/bin/sh'; number of"));
}

TEST_F(VerifierTest, ExplainsAgainstTheReferenceTheHintProves) {
  references_.insert(references_.begin(),
                     {"newer", Measure("other=1", 1, "another kernel"), kTestNow, std::nullopt});
  EXPECT_THAT(Refusal(Measure("console=ttyS0 quiet")), HasSubstr("argument 3"));
}

TEST_F(VerifierTest, HintThatProvesNothingIsNotRepeated) {
  SnpAppraisalRequest request = Request(Measure(kCommandLine, 1, "another kernel"));
  EXPECT_THAT(Appraise(request).refusal, HasSubstr("kernel, initrd, firmware"));
  request.hint = LaunchHint{"harmless=1", 1};
  const std::string refusal = Appraise(request).refusal;
  EXPECT_THAT(refusal, HasSubstr("could not be confirmed"));
  EXPECT_THAT(refusal, ::testing::Not(HasSubstr("harmless")));
  request.hint.reset();
  EXPECT_THAT(Appraise(request).refusal, HasSubstr("does not say what it was started with"));
  for (uint32_t vcpus : {0u, tee::kMaxVcpus + 1}) {
    request.hint = LaunchHint{"x", vcpus};
    EXPECT_THAT(Appraise(request).refusal, HasSubstr("out of bounds"));
  }
  request.hint = LaunchHint{std::string(tee::kMaxCommandLine + 1, 'x'), 1};
  EXPECT_THAT(Appraise(request).refusal, HasSubstr("out of bounds"));
}

TEST_F(VerifierTest, ReferencesExpireAtTheirMoment) {
  SnpAppraisalRequest request = Request(Measure());
  request.now = *references_[0].expires - 1;
  EXPECT_TRUE(Appraise(request).affirmed());
  request.now = *references_[0].expires;
  EXPECT_THAT(Appraise(request).refusal, HasSubstr("'demo' expired"));
}

TEST_F(VerifierTest, NoReferenceIsARefusal) {
  SnpAppraisalRequest request = Request(Measure());
  request.references = {};
  EXPECT_THAT(Appraise(request).refusal, HasSubstr("no reference value"));
}

TEST_F(VerifierTest, AnotherSessionsEvidenceIsRefused) {
  for (size_t byte : {0, 31, 32, 63}) {
    SnpAppraisalRequest request = Request(Measure());
    request.expected_report_data.bytes[byte] ^= 1;
    EXPECT_THAT(Appraise(request).refusal, StartsWith("report data refused")) << byte;
  }
}

TEST_F(VerifierTest, InitdataIsComparedCutOrPadded) {
  SnpAppraisalRequest request = Request(Measure());
  request.initdata_digest = Bytes(48, 0x33);
  EXPECT_TRUE(Appraise(request).affirmed());
  request.initdata_digest.reset();  // nothing is demanded of it
  EXPECT_TRUE(Appraise(request).affirmed());
  request.initdata_digest = Bytes(31, 0x33);
  EXPECT_THAT(Appraise(request).refusal, StartsWith("initdata refused"));
  for (size_t size : {0, 65}) {
    request.initdata_digest = Bytes(size, 0x33);
    EXPECT_THAT(Appraise(request).refusal, StartsWith("initdata refused"));
  }
  request.initdata_digest = Bytes(32, 0x34);
  EXPECT_THAT(Appraise(request).refusal, StartsWith("initdata refused"));
}

TEST_F(VerifierTest, ReportThatIsNotGenuineIsJudgedNoFurther) {
  SnpAppraisalRequest request = Request(Measure());
  request.evidence.report[0x90] ^= 1;
  const tee::Appraisal appraisal = Appraise(request);
  EXPECT_THAT(appraisal.refusal, StartsWith("report signature refused"));
  EXPECT_EQ(appraisal.checks.back().name, "report signature");
  EXPECT_TRUE(appraisal.claims.empty());
}

TEST_F(VerifierTest, DebugPolicyIsRefusedThoughTheMeasurementMatches) {
  SnpAppraisalRequest request = Request(Measure());
  request.evidence =
      chip_.Evidence([&](tee::sev::Report& report) { report.policy.value |= 1 << 19; });
  EXPECT_THAT(Appraise(request).refusal, StartsWith("debugging refused"));
}

TEST(CommandLineDifference, ShowsGuestTextCutAndEscaped) {
  EXPECT_EQ(DescribeCommandLineDifference("a", "a b'c\n\xff"),
            "command line differs at argument 2: expected nothing, got 'b\\x27c\\x0a\\xff'");
  const std::string words = DescribeCommandLineDifference("", std::string(10000, 'x'));
  EXPECT_LT(words.size(), 300u);
  EXPECT_THAT(words, HasSubstr("...'"));
}

}  // namespace
}  // namespace nacre::attestation
