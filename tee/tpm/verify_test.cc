#include "tee/tpm/verify.h"

#include "base/encoding.h"
#include "base/status_testing.h"
#include "crypto/keys_testing.h"
#include "tee/common/refusal_class.h"
#include "tee/eventlog/log_writer.h"

namespace nacre::tee::tpm {
namespace {

using crypto::Curve;
using crypto::EcKey;

const Bytes kNonce = ToBytes("fresh");

Bytes JoinedLog(const std::vector<Bytes>& parts) {
  ByteWriter out;
  for (const Bytes& part : parts) out.Put(part);
  return out.Release();
}

// A TPM whose every quote is signed by one P-256 key.
class SoftTpm {
 public:
  SoftTpm() {
    for (uint32_t pcr = 0; pcr < 24; ++pcr) evidence_.pcrs[Bank::kSha256][pcr] = Bytes(32);
    attest_.selections = {PcrSelection::Of(Bank::kSha256, {0, 1, 2, 3, 4, 5, 6, 7, 8})};
    attest_.extra_data = kNonce;
    attest_.safe = true;
  }
  Attest& attest() { return attest_; }
  Bytes& Pcr(uint32_t pcr) { return evidence_.pcrs[Bank::kSha256][pcr]; }
  // Signs what is there now.
  TpmEvidence Quote() {
    ByteWriter values;
    for (const PcrSelection& selection : attest_.selections) {
      for (uint32_t pcr : selection.Pcrs()) values.Put(evidence_.pcrs[selection.bank][pcr]);
    }
    attest_.pcr_digest = eventlog::BankDigest(Bank::kSha256, values.bytes());
    evidence_.attest = SerializeAttest(attest_);
    const Bytes raw =
        *EcKey(Curve::kP256).SignEcdsa(crypto::HashAlgorithm::kSha256, evidence_.attest);
    evidence_.signature = SerializeSignature({SignatureKind::kEcdsa,
                                              Bank::kSha256,
                                              {},
                                              Bytes(raw.begin(), raw.begin() + 32),
                                              Bytes(raw.begin() + 32, raw.end())});
    return evidence_;
  }
  // One measured separator in PCR 7 and Secure Boot's variable before it.
  TpmEvidence QuoteWithLog(uint8_t secure_boot) {
    const std::vector<Bank> banks = {Bank::kSha256};
    const Bytes vendor = *HexDecode("61dfe48bca93d211aa0d00e098032b8c");
    const Bytes variable = eventlog::EncodeUefiVariable(vendor, "SecureBoot", Bytes{secure_boot});
    evidence_.event_log = JoinedLog(
        {eventlog::LogHeader(banks),
         eventlog::EncodeMeasuredEvent(7, eventlog::kEfiVariableDriverConfig, banks, variable,
                                       variable),
         eventlog::EncodeMeasuredEvent(7, eventlog::kSeparator, banks, Bytes(4), Bytes(4))});
    const auto log = eventlog::EventLog::Parse(evidence_.event_log, eventlog::Registers::kPcr);
    const PcrValues replayed = *eventlog::Replay(*log, Bank::kSha256);
    for (const auto& [pcr, value] : replayed) Pcr(pcr) = value;
    return Quote();
  }

 private:
  Attest attest_;
  TpmEvidence evidence_;
};

TrustedAk Ak() { return TrustedAk::Configured("test key", EcKey(Curve::kP256).public_key()); }

RefusalClass Verdict(const TpmEvidence& evidence, const TpmPolicy& policy = {},
                     const Bytes& nonce = kNonce) {
  Appraisal appraisal;
  const auto report = VerifyTpm(evidence, Ak(), nonce, policy, &appraisal);
  EXPECT_EQ(report.has_value(), appraisal.affirmed());
  EXPECT_EQ(report.has_value(), !appraisal.claims.empty());
  return appraisal.refusal_class;
}

TEST(VerifyTpmTest, GoodQuote) {
  SoftTpm tpm;
  tpm.Pcr(8) = Bytes(32, 0xab);
  Appraisal appraisal;
  const auto report = VerifyTpm(tpm.Quote(), Ak(), kNonce, {}, &appraisal);
  ASSERT_TRUE(report) << appraisal.refusal;
  EXPECT_EQ(appraisal.tee, TeeKind::kTpm);
  EXPECT_EQ(appraisal.root, "test key");
  EXPECT_EQ(report->pcrs.at(8), Bytes(32, 0xab));
  EXPECT_EQ(report->pcrs.size(), 9u);
  EXPECT_EQ(appraisal.claims["pcr.8"], HexEncode(Bytes(32, 0xab)));
  EXPECT_FALSE(appraisal.claims.contains("pcr.9"));
}

TEST(VerifyTpmTest, EachLinkIsChecked) {
  SoftTpm tpm;
  const TpmEvidence good = tpm.Quote();
  EXPECT_EQ(Verdict(good), RefusalClass::kNone);
  EXPECT_EQ(Verdict(good, {}, ToBytes("frest")), RefusalClass::kNonce);
  EXPECT_EQ(Verdict(good, {}, {}), RefusalClass::kNonce);
  TpmEvidence bad = good;
  bad.attest.pop_back();
  EXPECT_EQ(Verdict(bad), RefusalClass::kFormat);
  bad = good;
  bad.signature.push_back(0);
  EXPECT_EQ(Verdict(bad), RefusalClass::kFormat);
  bad = good;
  bad.signature.back() ^= 1;
  EXPECT_EQ(Verdict(bad), RefusalClass::kSignature);
  bad = good;
  bad.attest.back() ^= 1;
  EXPECT_EQ(Verdict(bad), RefusalClass::kSignature);
  bad = good;
  bad.pcrs[Bank::kSha256][3][0] ^= 1;
  EXPECT_EQ(Verdict(bad), RefusalClass::kPcrDigest);
  bad = good;
  bad.pcrs[Bank::kSha256].erase(3);
  EXPECT_EQ(Verdict(bad), RefusalClass::kPcrDigest);
  bad = good;
  bad.pcrs[Bank::kSha256][3].pop_back();
  EXPECT_EQ(Verdict(bad), RefusalClass::kPcrDigest);
  bad = good;
  bad.pcrs[Bank::kSha256][9][0] ^= 1;  // was not quoted
  EXPECT_EQ(Verdict(bad), RefusalClass::kNone);
}

TEST(VerifyTpmTest, AnotherKeyIsNotTrusted) {
  SoftTpm tpm;
  Appraisal appraisal;
  const auto other = TrustedAk::Configured("other", crypto::RsaKey().public_key());
  EXPECT_FALSE(VerifyTpm(tpm.Quote(), other, kNonce, {}, &appraisal));
  EXPECT_EQ(appraisal.refusal_class, RefusalClass::kSignature);
}

TEST(VerifyTpmTest, Policy) {
  SoftTpm tpm;
  const TpmEvidence good = tpm.Quote();
  EXPECT_EQ(Verdict(good, {.bank = Bank::kSha384}), RefusalClass::kNoBank);
  EXPECT_EQ(Verdict(good, {.required_pcrs = {0, 8}}), RefusalClass::kNone);
  EXPECT_EQ(Verdict(good, {.required_pcrs = {0, 9}}), RefusalClass::kPolicy);
  EXPECT_EQ(Verdict(good, {.allowed_pcrs = {{8, {Bytes(32, 1), Bytes(32)}}}}), RefusalClass::kNone);
  EXPECT_EQ(Verdict(good, {.allowed_pcrs = {{8, {Bytes(32, 1)}}}}), RefusalClass::kMeasurement);
  EXPECT_EQ(Verdict(good, {.allowed_pcrs = {{9, {Bytes(32)}}}}), RefusalClass::kMeasurement);
  EXPECT_EQ(Verdict(good, {.allowed_pcrs = {{8, {}}}}), RefusalClass::kMeasurement);
  EXPECT_EQ(Verdict(good, {.require_event_log = true}), RefusalClass::kPolicy);
  EXPECT_EQ(Verdict(good, {.require_secure_boot = true}), RefusalClass::kPolicy);
  EXPECT_EQ(Verdict(good, {.require_safe_clock = true}), RefusalClass::kNone);
  tpm.attest().safe = false;
  EXPECT_EQ(Verdict(tpm.Quote(), {.require_safe_clock = true}), RefusalClass::kPolicy);
  EXPECT_EQ(Verdict(tpm.Quote()), RefusalClass::kNone);
}

TEST(VerifyTpmTest, EventLog) {
  SoftTpm tpm;
  const TpmEvidence on = tpm.QuoteWithLog(1);
  const TpmPolicy strict{.require_event_log = true, .require_secure_boot = true};
  EXPECT_EQ(Verdict(on, strict), RefusalClass::kNone);
  EXPECT_EQ(Verdict(SoftTpm().QuoteWithLog(0)), RefusalClass::kNone);
  EXPECT_EQ(Verdict(SoftTpm().QuoteWithLog(0), strict), RefusalClass::kPolicy);
  TpmEvidence bad = on;
  bad.event_log[bad.event_log.size() - 1] ^= 1;
  EXPECT_EQ(Verdict(bad), RefusalClass::kEventDataMismatch);
  bad.event_log.pop_back();
  EXPECT_EQ(Verdict(bad), RefusalClass::kFormat);
  // A firmware register that the log does not explain.
  tpm.Pcr(4) = Bytes(32, 1);
  EXPECT_EQ(Verdict(tpm.Quote()), RefusalClass::kPcrDigest);
  EXPECT_EQ(Verdict(tpm.Quote(), {.unlogged_pcrs = {4}}), RefusalClass::kNone);
  tpm.Pcr(4) = Bytes(32);
  // One that software extends, and the log does not mention.
  tpm.Pcr(8) = Bytes(32, 1);
  EXPECT_EQ(Verdict(tpm.Quote()), RefusalClass::kNone);
}

TEST(VerifyTpmTest, NothingIsClaimedFromRegistersThatAreNotSigned) {
  SoftTpm tpm;
  TpmEvidence evidence = tpm.QuoteWithLog(1);
  // Left out of the comparison: its events claim nothing.
  Appraisal left_out;
  EXPECT_TRUE(VerifyTpm(evidence, Ak(), kNonce, {.unlogged_pcrs = {7}}, &left_out));
  EXPECT_FALSE(left_out.claims.contains("secure_boot"));
  // Not quoted at all.
  tpm.attest().selections = {PcrSelection::Of(Bank::kSha256, {0, 1})};
  EXPECT_EQ(Verdict(tpm.Quote()), RefusalClass::kPolicy);
}

TEST(VerifyTpmTest, SignatureOverSha1OnlyWhenAsked) {
  SoftTpm tpm;
  TpmEvidence evidence = tpm.Quote();
  Signature signature = *ParseSignature(evidence.signature);
  signature.hash = Bank::kSha1;
  evidence.signature = SerializeSignature(signature);
  EXPECT_EQ(Verdict(evidence), RefusalClass::kSignature);
  EXPECT_EQ(Verdict(evidence, {.allow_sha1_signature = true}), RefusalClass::kSignature);
}

TEST(VerifyTpmTest, InitdataRegister) {
  EXPECT_EQ(PcrExtendedOnce(Bank::kSha256, Bytes(32, 1)),
            eventlog::BankDigest(Bank::kSha256, JoinedLog({Bytes(32), Bytes(32, 1)})));
}

}  // namespace
}  // namespace nacre::tee::tpm
