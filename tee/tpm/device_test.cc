// Against a real software TPM.

#include "tee/tpm/device.h"

#include <chrono>

#include "base/encoding.h"
#include "base/status_testing.h"
#include "crypto/random.h"
#include "tee/common/refusal_class.h"
#include "tee/eventlog/log_writer.h"
#include "tee/eventlog/runtime_extend.h"
#include "tee/tpm/evidence_json.h"
#include "tee/tpm/program_source.h"
#include "tee/tpm/source.h"
#include "tee/tpm/swtpm_testing.h"

namespace nacre::tee::tpm {
namespace {

int64_t Now() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

class DeviceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto tpm = SoftwareTpm::Start();
    if (tpm.status().code() == absl::StatusCode::kNotFound) {
      GTEST_SKIP() << "no software TPM: " << tpm.status().ToString();
    }
    ASSERT_OK(tpm);
    tpm_ = *std::move(tpm);
    auto device = TpmDevice::Open(tpm_->socket());
    ASSERT_OK(device);
    device_ = *std::move(device);
  }

  absl::StatusOr<TrustedAk> Enrol() {
    ASSIGN_OR_RETURN(Bytes ek, device_->EkCertificate());
    ASSIGN_OR_RETURN(Bytes ak, device_->AkPublic());
    ASSIGN_OR_RETURN(AkEnrolment enrolment, AkEnrolment::Begin(ek, ak, tpm_->Trust(), Now()));
    ASSIGN_OR_RETURN(Bytes answer, device_->ActivateCredential(enrolment.challenge()));
    return std::move(enrolment).Finish(answer);
  }

  std::unique_ptr<SoftwareTpm> tpm_;
  std::unique_ptr<TpmDevice> device_;
};

TEST_F(DeviceTest, EnrolsExtendsAndQuotes) {
  ASSERT_OK_AND_ASSIGN(TrustedAk ak, Enrol());
  EXPECT_NE(ak.name().find("swtpm-localca"), std::string::npos) << ak.name();
  ASSERT_OK_AND_ASSIGN(std::vector<Bank> banks, device_->Banks());
  EXPECT_EQ(banks, (std::vector<Bank>{Bank::kSha256, Bank::kSha384}));
  // As coco keeps initdata: the digest itself, in PCR 8.
  const Bytes digest = crypto::RandomBytes(32);
  ASSERT_OK(device_->Extend(8, {{Bank::kSha256, digest}, {Bank::kSha384, Bytes(48, 1)}}));
  const Bytes nonce = crypto::RandomBytes(64);
  std::vector<uint32_t> all;
  for (uint32_t pcr = 0; pcr < 24; ++pcr) all.push_back(pcr);
  for (Bank bank : banks) {
    ASSERT_OK_AND_ASSIGN(TpmEvidence evidence, device_->Quote(PcrSelection::Of(bank, all), nonce));
    TpmPolicy policy{.bank = bank, .required_pcrs = {0, 23}};
    policy.allowed_pcrs[8] = {PcrExtendedOnce(bank, bank == Bank::kSha256 ? digest : Bytes(48, 1))};
    Appraisal appraisal;
    EXPECT_TRUE(VerifyTpm(evidence, ak, nonce, policy, &appraisal)) << appraisal.refusal;
    Appraisal stale;
    EXPECT_FALSE(VerifyTpm(evidence, ak, crypto::RandomBytes(64), policy, &stale));
    EXPECT_EQ(stale.refusal_class, RefusalClass::kNonce);
  }
}

TEST_F(DeviceTest, AnotherTpmsCredentialDoesNotOpen) {
  ASSERT_OK_AND_ASSIGN(auto other, SoftwareTpm::Start());
  ASSERT_OK_AND_ASSIGN(auto other_device, TpmDevice::Open(other->socket()));
  ASSERT_OK_AND_ASSIGN(Bytes ek, device_->EkCertificate());
  ASSERT_OK_AND_ASSIGN(Bytes other_ak, other_device->AkPublic());
  // This TPM's endorsement key with the other's attestation key: neither can answer.
  ASSERT_OK_AND_ASSIGN(AkEnrolment enrolment,
                       AkEnrolment::Begin(ek, other_ak, tpm_->Trust(), Now()));
  EXPECT_STATUS(device_->ActivateCredential(enrolment.challenge()), kInternal,
                "TPM2_ActivateCredential");
  EXPECT_STATUS(other_device->ActivateCredential(enrolment.challenge()), kInternal,
                "TPM2_ActivateCredential");
  // And its certificate is not of a CA that the other's verifier trusts.
  const auto chain = AkEnrolment::Begin(ek, other_ak, other->Trust(), Now());
  EXPECT_STATUS(chain, kUnauthenticated, "endorsement key");
}

TEST_F(DeviceTest, BadArguments) {
  const PcrSelection some = PcrSelection::Of(Bank::kSha256, {0});
  EXPECT_STATUS(device_->ReadNv(0x01c0ffff), kNotFound, "NV index");
  EXPECT_STATUS(device_->Quote(some, Bytes(200)), kInvalidArgument, "nonce of 200");
  EXPECT_STATUS(device_->Extend(24, {{Bank::kSha256, Bytes(32)}}), kInvalidArgument, "PCR 24");
  EXPECT_STATUS(device_->Extend(8, {{Bank::kSha256, Bytes(31)}}), kInvalidArgument, "31 bytes");
  EXPECT_STATUS(device_->ActivateCredential({Bytes(5000), {}}), kInvalidArgument, "too large");
  EXPECT_STATUS(device_->ActivateCredential({Bytes(100), Bytes(256)}), kInternal, "failed with");
  EXPECT_STATUS(device_->ReadPcrs(PcrSelection::Of(Bank::kSha1, {0})), kInternal, "sha1");
  EXPECT_STATUS(TpmDevice::Open(tpm_->socket() + "x"), kNotFound, "");
  EXPECT_STATUS(TpmDevice::Open("/dev/null"), kUnavailable, "/dev/null");
}

// The guest's evidence source, with a firmware log that has no events and a runtime log.
TEST_F(DeviceTest, SourceQuotesWithItsLogs) {
  const TemporaryDirectory folder = *TemporaryDirectory::Create("tpm-source");
  const std::vector<Bank> banks = *device_->Banks();
  TpmSourceOptions options;
  options.tpm = tpm_->socket();
  options.firmware_log = folder.path() + "/firmware";
  options.runtime_log = folder.path() + "/runtime";
  ASSERT_OK(WriteFile(options.firmware_log, eventlog::LogHeader(banks)));
  ASSERT_OK_AND_ASSIGN(TrustedAk ak, Enrol());
  device_.reset();  // swtpm serves one connection at a time
  ASSERT_OK_AND_ASSIGN(auto source, TpmSource::Open(options));
  const std::vector<Bytes> digests = {Bytes(32, 1), Bytes(48, 2)};
  ASSERT_OK(source->device().Extend(8, {{banks[0], digests[0]}, {banks[1], digests[1]}}));
  const ReportData nonce = *ReportData::FromBytes(ToBytes("report data"));
  const TpmPolicy policy{.require_event_log = true};
  // Extended, and not logged: fine for a register that no log mentions.
  const auto verdict = [&] {
    const auto evidence = source->Quote(nonce);
    EXPECT_OK(evidence);
    EXPECT_EQ(evidence->kind, TeeKind::kTpm);
    const auto document = ParseTpmDocument(AsText(evidence->report));
    EXPECT_OK(document);
    EXPECT_FALSE(document->ek_certificate.empty());
    Appraisal appraisal;
    (void)VerifyTpm(document->evidence, ak, nonce.view(), policy, &appraisal);
    return appraisal.refusal_class;
  };
  EXPECT_EQ(verdict(), RefusalClass::kNone);
  ASSERT_OK(eventlog::AppendEvent(options.runtime_log, banks, 8, eventlog::kEventTag, digests, {}));
  EXPECT_EQ(verdict(), RefusalClass::kNone);
  // One event too many.
  ASSERT_OK(eventlog::AppendEvent(options.runtime_log, banks, 8, eventlog::kEventTag, digests, {}));
  EXPECT_EQ(verdict(), RefusalClass::kPcrDigest);
}

// For programs without tpm2-tss: the same through nacre-tpm.
TEST_F(DeviceTest, ProgramQuotes) {
  ASSERT_OK_AND_ASSIGN(TrustedAk ak, Enrol());
  device_.reset();
  TpmProgramOptions options;
  options.program = NACRE_BIN_DIR "/nacre-tpm";
  options.arguments = {"--tpm", tpm_->socket(), "--firmware-log", tpm_->socket() + ".none"};
  const ReportData nonce = *ReportData::FromBytes(crypto::RandomBytes(64));
  ASSERT_OK_AND_ASSIGN(Evidence evidence, TpmProgramSource(options).Quote(nonce));
  ASSERT_OK_AND_ASSIGN(TpmDocument document, ParseTpmDocument(AsText(evidence.report)));
  Appraisal appraisal;
  EXPECT_TRUE(VerifyTpm(document.evidence, ak, nonce.view(), {}, &appraisal)) << appraisal.refusal;

  options.arguments = {"--tpm", tpm_->socket() + ".none"};
  EXPECT_STATUS(TpmProgramSource(options).Quote(nonce), kUnavailable, "nacre-tpm: TPM");
  options.arguments = {"--unknown", "x"};
  EXPECT_STATUS(TpmProgramSource(options).Quote(nonce), kUnavailable, "unknown option");
  options = {.program = "/bin/echo"};
  EXPECT_STATUS(TpmProgramSource(options).Quote(nonce), kDataLoss, "");
  options = {.program = "/nonexistent/nacre-tpm"};
  EXPECT_STATUS(TpmProgramSource(options).Quote(nonce), kNotFound, "nacre-tpm");
}

TEST_F(DeviceTest, EvidenceDocument) {
  TpmDocument document;
  ASSERT_OK_AND_ASSIGN(document.evidence,
                       device_->Quote(PcrSelection::Of(Bank::kSha256, {0, 1}), ToBytes("n")));
  document.ak_public = *device_->AkPublic();
  document.ek_certificate = *device_->EkCertificate();
  const std::string json = FormatTpmDocument(document);
  ASSERT_OK_AND_ASSIGN(TpmDocument read, ParseTpmDocument(json));
  EXPECT_EQ(FormatTpmDocument(read), json);
  EXPECT_EQ(read.evidence.pcrs, document.evidence.pcrs);
  EXPECT_EQ(read.ek_certificate, document.ek_certificate);
}

TEST(EvidenceJsonTest, RefusesOtherForms) {
  for (const char* json :
       {"", "[]", "{}", "{\"version\":2,\"attest\":\"\",\"signature\":\"\",\"pcrs\":{}}",
        "{\"version\":1,\"attest\":\"*\",\"signature\":\"\",\"pcrs\":{}}",
        "{\"version\":1,\"attest\":\"\",\"signature\":\"\",\"pcrs\":{\"md5\":{}}}",
        "{\"version\":1,\"attest\":\"\",\"signature\":\"\",\"pcrs\":{\"sha256\":{\"24\":\"\"}}}",
        "{\"version\":1,\"attest\":\"\",\"signature\":\"\",\"pcrs\":{\"sha256\":{\"0\":1}}}",
        "{\"version\":1,\"attest\":\"\",\"signature\":\"\",\"pcrs\":{},\"more\":1}"}) {
    const auto read = ParseTpmDocument(json);
    EXPECT_EQ(ClassOf(read.status(), RefusalClass::kNone), RefusalClass::kFormat) << json;
  }
  EXPECT_OK(ParseTpmDocument("{\"version\":1,\"attest\":\"\",\"signature\":\"\",\"pcrs\":{}}"));
}

}  // namespace
}  // namespace nacre::tee::tpm
