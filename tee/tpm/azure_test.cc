// The Azure chain over a made-up chip: every link, and each of them broken. Real machines' evidence
// is in outside_test.cc.

#include "tee/tpm/azure.h"

#include "base/encoding.h"
#include "base/json.h"
#include "base/status_testing.h"
#include "base/strings.h"
#include "crypto/jwk.h"
#include "crypto/keys_testing.h"
#include "tee/common/refusal_class.h"
#include "tee/sev/test_chip.h"

namespace nacre::tee::tpm {
namespace {

using crypto::RsaKey;
using sev::kTestNow;

const Bytes kNonce = ToBytes("fresh");

std::string RuntimeData(const std::string& key_id = "HCLAkPub") {
  Json key = *crypto::PublicKeyToJwk(RsaKey().public_key());
  key["kid"] = key_id;
  return *DumpJson({{"keys", Json::array({key})},
                    {"vm-configuration", {{"secure-boot", true}, {"vmUniqueId", "x"}}},
                    {"user-data", "0011"}});
}

Bytes Hcl(ByteView report, std::string_view runtime, uint32_t type = 2) {
  const auto size = static_cast<uint32_t>(runtime.size());
  ByteWriter out;
  out.Put("HCLA").U32Le(2).U32Le(0x4c0 + 20 + size).U32Le(2).Zeros(16).Put(report);
  out.U32Le(20 + size).U32Le(1).U32Le(type).U32Le(1).U32Le(size).Put(runtime).Zeros(64);
  return out.Release();
}

class AzureTest : public ::testing::Test {
 protected:
  AzureTest() { Make(RuntimeData()); }

  void Make(const std::string& runtime) {
    const Bytes report = chip_.Report([&](sev::Report& r) {
      const Bytes digest = crypto::Digest(crypto::HashAlgorithm::kSha256, AsBytes(runtime));
      r.report_data = {};
      std::copy(digest.begin(), digest.end(), r.report_data.begin());
    });
    evidence_.hcl_report = Hcl(report, runtime);
    evidence_.certificates = chip_.Evidence().certificates;
    Attest attest;
    attest.extra_data = kNonce;
    attest.selections = {PcrSelection::Of(Bank::kSha256, {0})};
    attest.pcr_digest = eventlog::BankDigest(Bank::kSha256, Bytes(32));
    evidence_.tpm.pcrs[Bank::kSha256][0] = Bytes(32);
    evidence_.tpm.attest = SerializeAttest(attest);
    evidence_.tpm.signature = SerializeSignature(
        RawRsaSsa(*RsaKey().SignRsaPkcs1(crypto::HashAlgorithm::kSha256, evidence_.tpm.attest)));
  }

  RefusalClass Verify(const AzurePolicy& policy = {}, const Bytes& nonce = kNonce) {
    appraisal_ = {};
    const auto found =
        VerifyAzureSnp(evidence_, chip_.Trust(), {}, nonce, policy, kTestNow, &appraisal_);
    EXPECT_EQ(found.has_value(), appraisal_.affirmed()) << appraisal_.refusal;
    return appraisal_.refusal_class;
  }

  sev::TestChip chip_;
  AzureEvidence evidence_;
  Appraisal appraisal_;
};

TEST_F(AzureTest, WholeChain) {
  EXPECT_EQ(Verify(), RefusalClass::kNone) << appraisal_.refusal;
  EXPECT_EQ(appraisal_.tee, TeeKind::kSnp);
  EXPECT_EQ(appraisal_.claims["azure.vm.secure-boot"], "true");
  EXPECT_EQ(appraisal_.claims["azure.user_data"], "0011");
  EXPECT_EQ(appraisal_.claims["pcr.0"], HexEncode(Bytes(32)));
  const Bytes paravisor = *HexDecode(appraisal_.claims["azure.paravisor"]);
  AzurePolicy policy;
  policy.paravisors = {Bytes(48, 9), paravisor};
  EXPECT_EQ(Verify(policy), RefusalClass::kNone);
  policy.paravisors = {Bytes(48, 9)};
  EXPECT_EQ(Verify(policy), RefusalClass::kMeasurement);
}

TEST_F(AzureTest, EachLink) {
  EXPECT_EQ(Verify({}, ToBytes("stale")), RefusalClass::kNonce);
  const AzureEvidence good = evidence_;
  evidence_.tpm.signature.back() ^= 1;
  EXPECT_EQ(Verify(), RefusalClass::kSignature);
  evidence_ = good;
  evidence_.hcl_report[0x4d4 + 5] ^= 1;  // the runtime data
  EXPECT_EQ(Verify(), RefusalClass::kHclBinding);
  evidence_ = good;
  evidence_.hcl_report[0x20 + 0x90] ^= 1;  // the report's measurement
  EXPECT_EQ(Verify(), RefusalClass::kSignature);
  evidence_ = good;
  evidence_.certificates.clear();
  EXPECT_NE(Verify(), RefusalClass::kNone);
  evidence_ = good;
  evidence_.hcl_report[0x4c0 + 8] = 4;  // says TDX
  EXPECT_NE(Verify(), RefusalClass::kNone);
  const ByteView report = ByteView(good.hcl_report).subspan(0x20, 1184);
  evidence_.hcl_report = Hcl(report, RuntimeData() + " ");
  EXPECT_EQ(Verify(), RefusalClass::kHclBinding);
}

TEST_F(AzureTest, TheKeyMustBeNamedOnce) {
  Make(RuntimeData("HCLEkPub"));
  EXPECT_EQ(Verify(), RefusalClass::kFormat);
  Make("{\"keys\":[]}");
  EXPECT_EQ(Verify(), RefusalClass::kFormat);
  Make("[1]");
  EXPECT_EQ(Verify(), RefusalClass::kFormat);
}

TEST(HclReportTest, SizesAndTypes) {
  const Bytes good = Hcl(Bytes(1184), "{}");
  EXPECT_OK(ParseHclReport(good));
  const auto with = [&](size_t at, uint8_t value) {
    Bytes changed = good;
    changed[at] = value;
    return ClassOf(ParseHclReport(changed).status(), RefusalClass::kNone);
  };
  EXPECT_EQ(with(0, 'h'), RefusalClass::kFormat);
  EXPECT_EQ(with(4, 3), RefusalClass::kUnsupported);
  EXPECT_EQ(with(8, 0xff), RefusalClass::kFormat);
  EXPECT_EQ(with(0x4c0, 0), RefusalClass::kFormat);
  EXPECT_EQ(with(0x4c8, 3), RefusalClass::kUnsupported);
  EXPECT_EQ(with(0x4cc, 2), RefusalClass::kUnsupported);
  EXPECT_EQ(with(0x4d0, 3), RefusalClass::kFormat);
  EXPECT_EQ(with(good.size() - 1, 1), RefusalClass::kFormat);
  for (size_t size = 0; size < 0x4d6; size += 7) {
    EXPECT_FALSE(ParseHclReport(ByteView(good).first(size)).ok()) << size;
  }
  EXPECT_OK(ParseHclReport(ByteView(good).first(0x4d6)));
  Bytes tdx = Hcl(Bytes(1184), "{}", 4);
  EXPECT_EQ(ParseHclReport(tdx)->hardware_report.size(), 1024u);
  tdx[0x20 + 1024] = 1;
  EXPECT_STATUS(ParseHclReport(tdx), kInvalidArgument, "TDREPORT");
  EXPECT_STATUS(ParseHclReport(Bytes(kMaxHclReport + 1)), kInvalidArgument, "bytes");
}

TEST(AzureEvidenceTest, BothFormsAndNoOther) {
  const std::string quote = "{\"message\":\"ff\",\"signature\":\"01\",\"pcrs\":[\"0a\"]}";
  const std::string good =
      StrCat("{\"hcl_report\":\"_-A=\",\"vcek\":\"AQI=\",\"tpm_quote\":", quote, "}");
  ASSERT_OK_AND_ASSIGN(AzureEvidence read, ParseAzureEvidence(good));
  EXPECT_EQ(read.hcl_report, (Bytes{0xff, 0xe0}));
  EXPECT_EQ(read.tpm.attest, Bytes{0xff});
  EXPECT_EQ(read.tpm.pcrs[Bank::kSha256][0], Bytes{0x0a});
  EXPECT_EQ(read.certificates.at(0).data, (Bytes{1, 2}));
  ASSERT_OK_AND_ASSIGN(
      AzureEvidence old,
      ParseAzureEvidence("{\"report\":[255],\"td_quote\":[4],\"quote\":{\"message\":[1],"
                         "\"signature\":[2],\"pcrs\":[[3]]}}"));
  EXPECT_EQ(old.hcl_report, Bytes{255});
  EXPECT_EQ(old.td_quote, Bytes{4});
  for (const std::string& json :
       {std::string("{}"), StrCat("{\"hcl_report\":\"AA\",\"tpm_quote\":", quote, "}"),
        StrCat("{\"hcl_report\":\"*\",\"vcek\":\"AA\",\"tpm_quote\":", quote, "}"),
        StrCat("{\"hcl_report\":[256],\"vcek\":\"AA\",\"tpm_quote\":", quote, "}"),
        StrCat("{\"hcl_report\":\"AA\",\"vcek\":\"AA\",\"td_quote\":\"AA\",\"tpm_quote\":", quote,
               "}")}) {
    EXPECT_EQ(ClassOf(ParseAzureEvidence(json).status(), RefusalClass::kNone),
              RefusalClass::kFormat)
        << json;
  }
}

}  // namespace
}  // namespace nacre::tee::tpm
