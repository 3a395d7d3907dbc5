#include "attestation/protocol/evidence.h"

#include <gtest/gtest.h>

#include "attestation/protocol/binding.h"
#include "attestation/protocol/limits.h"
#include "base/encoding.h"
#include "base/status_testing.h"
#include "base/strings.h"
#include "tee/tdx/quote.h"

namespace nacre::attestation {
namespace {

tee::tpm::TpmEvidence Quote() {
  tee::tpm::TpmEvidence out;
  out.attest = {1, 2, 3};
  out.signature = tee::tpm::SerializeSignature(tee::tpm::RawRsaSsa(Bytes(256, 7)));
  for (uint32_t i = 0; i < 24; ++i) out.pcrs[tee::tpm::Bank::kSha256][i] = Bytes(32, 0xab);
  return out;
}

tee::tpm::AzureEvidence Azure(bool tdx) {
  tee::tpm::AzureEvidence out;
  out.hcl_report = Bytes(20, 0xfb);
  out.tpm = Quote();
  if (tdx) out.td_quote = Bytes(11, 0xff);
  if (!tdx) out.certificates = {{tee::sev::CertificateKind::kVcek, Bytes(10, 6)}};
  return out;
}

TEST(EvidenceKindTest, NamesOfTheProtocol) {
  for (EvidenceKind kind : AllEvidenceKinds()) {
    EXPECT_EQ(*ParseEvidenceKind(EvidenceKindName(kind)), kind);
  }
  EXPECT_STATUS(ParseEvidenceKind("sgx"), kInvalidArgument,
                "'sgx' is none of snp, tdx, az-snp-vtpm, az-tdx-vtpm, tpm, sample");
  EXPECT_STATUS(ParseEvidenceKind("TDX"), kInvalidArgument, "none of");
}

TEST(SampleEvidenceTest, PeersForm) {
  const Json json = {{"svn", "1"}, {"report_data", "AAEC"}};
  ASSERT_OK_AND_ASSIGN(const EvidenceMessage message,
                       EvidenceFromJson(EvidenceKind::kSample, json));
  const auto& sample = std::get<SampleEvidence>(message.body);
  EXPECT_EQ(sample.svn, "1");
  EXPECT_EQ(sample.report_data, (Bytes{0, 1, 2}));
  EXPECT_EQ(*EvidenceToJson(message), json);
  for (const Json& bad :
       {Json::object(), Json(1), Json{{"svn", "1"}}, Json{{"svn", 1}, {"report_data", "AAEC"}},
        Json{{"svn", "1"}, {"report_data", "%"}}, Json{{"svn", "1"}, {"report_data", ""}},
        Json{{"svn", "1"}, {"report_data", Base64Encode(Bytes(65, 0))}},
        Json{{"svn", std::string(65, '1')}, {"report_data", "AAEC"}}}) {
    EXPECT_STATUS(EvidenceFromJson(EvidenceKind::kSample, bad), kInvalidArgument, "") << bad;
  }
}

TEST(TdxEvidenceTest, PeersForm) {
  ASSERT_OK_AND_ASSIGN(TdxEvidenceMessage read,
                       TdxEvidenceFromJson({{"quote", "AQID"}, {"cc_eventlog", nullptr}}));
  EXPECT_EQ(read.quote, (Bytes{1, 2, 3}));
  EXPECT_EQ(read.event_log, Bytes());
  EXPECT_EQ(TdxEvidenceToJson(read), Json({{"quote", "AQID"}, {"cc_eventlog", nullptr}}));
  ASSERT_OK_AND_ASSIGN(read, TdxEvidenceFromJson({{"quote", "AQID"}, {"cc_eventlog", "BAU="}}));
  EXPECT_EQ(read.event_log, (Bytes{4, 5}));
  EXPECT_OK(TdxEvidenceFromJson({{"quote", "AQID"}, {"later", 1}}));
}

TEST(TdxEvidenceTest, WrongMembersAreNamed) {
  EXPECT_STATUS(TdxEvidenceFromJson("x"), kInvalidArgument, "not an object");
  EXPECT_STATUS(TdxEvidenceFromJson(Json::object()), kInvalidArgument, "quote");
  EXPECT_STATUS(TdxEvidenceFromJson({{"quote", 1}}), kInvalidArgument, "quote");
  EXPECT_STATUS(TdxEvidenceFromJson({{"quote", "AQI"}}), kInvalidArgument, "quote");
  EXPECT_STATUS(TdxEvidenceFromJson({{"quote", "AQID"}, {"cc_eventlog", "-_"}}), kInvalidArgument,
                "cc_eventlog");
  EXPECT_STATUS(TdxEvidenceFromJson({{"quote", "AQID"}, {"cc_eventlog", 5}}), kInvalidArgument,
                "cc_eventlog");
  const auto of_size = [](size_t size) {
    return TdxEvidenceFromJson({{"quote", Base64Encode(Bytes(size))}}).status();
  };
  EXPECT_OK(of_size(tee::tdx::kMaxQuoteSize));
  EXPECT_STATUS(of_size(tee::tdx::kMaxQuoteSize + 1), kInvalidArgument, "larger than");
}

TEST(TpmEvidenceTest, PeersFormAndBack) {
  ASSERT_OK_AND_ASSIGN(Json json, TpmEvidenceToJson({Quote(), Bytes{9}}));
  EXPECT_EQ(json["ak_public"], "CQ==");
  EXPECT_EQ(json["tpm_quote"]["message"], "AQID");
  EXPECT_EQ(json["tpm_quote"]["pcrs"].size(), 24u);
  EXPECT_FALSE(json.contains("event_log"));
  ASSERT_OK_AND_ASSIGN(TpmEvidenceMessage read, TpmEvidenceFromJson(json));
  EXPECT_EQ(read.evidence.pcrs, Quote().pcrs);
  EXPECT_EQ(read.evidence.signature, Quote().signature);
  json["event_log"] = "BAU=";
  EXPECT_EQ(TpmEvidenceFromJson(json)->evidence.event_log, (Bytes{4, 5}));
}

TEST(TpmEvidenceTest, WrongMembersAreNamed) {
  const Json good = *TpmEvidenceToJson({Quote(), Bytes{9}});
  Json bad = good;
  bad["tpm_quote"]["pcrs"].erase(0);
  EXPECT_STATUS(TpmEvidenceFromJson(bad), kInvalidArgument, "23 values, not 24");
  bad = good;
  bad["tpm_quote"]["pcrs"].push_back("00");
  EXPECT_STATUS(TpmEvidenceFromJson(bad), kInvalidArgument, "25 values, not 24");
  bad = good;
  bad["tpm_quote"]["pcrs"][3] = "00";
  EXPECT_STATUS(TpmEvidenceFromJson(bad), kInvalidArgument, "PCR 3: not 32 bytes");
  bad = good;
  bad["tpm_quote"].erase("signature");
  EXPECT_STATUS(TpmEvidenceFromJson(bad), kInvalidArgument, "signature");
  bad = good;
  bad.erase("ak_public");
  EXPECT_STATUS(TpmEvidenceFromJson(bad), kInvalidArgument, "ak_public");
  TpmEvidenceMessage short_of_one{Quote(), {}};
  short_of_one.evidence.pcrs[tee::tpm::Bank::kSha256].erase(5);
  EXPECT_STATUS(TpmEvidenceToJson(short_of_one), kInvalidArgument, "PCR 5 is missing");
}

TEST(AzureEvidenceTest, BothKindsAndBack) {
  for (const bool tdx : {false, true}) {
    const EvidenceKind kind = tdx ? EvidenceKind::kAzureTdx : EvidenceKind::kAzureSnp;
    ASSERT_OK_AND_ASSIGN(Json json, AzureEvidenceToJson(kind, Azure(tdx)));
    EXPECT_EQ(json["hcl_report"].get<std::string>().size() % 4, 0u);
    EXPECT_EQ(json.contains("td_quote"), tdx);
    ASSERT_OK_AND_ASSIGN(tee::tpm::AzureEvidence read, AzureEvidenceFromJson(kind, json));
    EXPECT_EQ(read.hcl_report, Azure(tdx).hcl_report);
    EXPECT_EQ(read.td_quote, Azure(tdx).td_quote);
    EXPECT_EQ(read.tpm.signature, Quote().signature);
    const EvidenceKind other = tdx ? EvidenceKind::kAzureSnp : EvidenceKind::kAzureTdx;
    EXPECT_STATUS(AzureEvidenceFromJson(other, json), kInvalidArgument, "other kind");
  }
}

TEST(AdditionalEvidenceTest, IsReadWholeOrRefused) {
  EXPECT_TRUE(ParseAdditionalEvidence("")->empty());
  EXPECT_TRUE(ParseAdditionalEvidence("{}")->empty());
  const std::vector<EvidenceMessage> two = {{EvidenceKind::kTdx, TdxEvidenceMessage{{1}, {}}},
                                            {EvidenceKind::kTpm, TpmEvidenceMessage{Quote(), {9}}}};
  ASSERT_OK_AND_ASSIGN(const std::string text, SerializeAdditionalEvidence(two));
  ASSERT_OK_AND_ASSIGN(const auto read, ParseAdditionalEvidence(text));
  ASSERT_EQ(read.size(), 2u);
  EXPECT_EQ(read[1].kind, EvidenceKind::kTpm);
  EXPECT_EQ(*SerializeAdditionalEvidence(read), text);
  EXPECT_STATUS(ParseAdditionalEvidence("[]"), kInvalidArgument, "not an object");
  EXPECT_STATUS(ParseAdditionalEvidence("{"), kInvalidArgument, "additional_evidence");
  EXPECT_STATUS(ParseAdditionalEvidence(R"({"nvidia":{}})"), kInvalidArgument, "nvidia");
  EXPECT_STATUS(ParseAdditionalEvidence(R"({"tdx":{}})"), kInvalidArgument, "quote");
  EXPECT_STATUS(ParseAdditionalEvidence(R"({"a":1,"b":1,"c":1,"d":1,"e":1})"), kInvalidArgument,
                StrCat("more than ", kMaxAdditionalEvidence));
  EXPECT_STATUS(SerializeAdditionalEvidence({two[0], two[0]}), kInvalidArgument, "two of kind");
}

TEST(EvidenceFromSourceTest, TdxAndWhatIsNone) {
  ASSERT_OK_AND_ASSIGN(const EvidenceMessage tdx,
                       EvidenceFromSource({tee::TeeKind::kTdx, false, {1, 2}, {3}}, std::nullopt));
  EXPECT_EQ(tdx.kind, EvidenceKind::kTdx);
  EXPECT_EQ(std::get<TdxEvidenceMessage>(tdx.body).event_log, Bytes{3});
  EXPECT_STATUS(EvidenceFromSource({tee::TeeKind::kTpm, false, {1}, {}}, std::nullopt),
                kInvalidArgument, "TPM evidence source");
}

TEST(BindingTest, TpmNoncesByTheirLength) {
  const Bytes binding(48, 0x11);
  EXPECT_EQ(TpmNonceFor(binding, 48), binding);
  Bytes padded = binding;
  padded.resize(64);
  EXPECT_EQ(TpmNonceFor(binding, 64), padded);
  for (size_t size : {size_t{0}, size_t{1}, size_t{31}, size_t{32}, size_t{33}, size_t{66}}) {
    EXPECT_EQ(TpmNonceFor(binding, size), Bytes(32, 0x11));
  }
  EXPECT_NE(*DeviceBinding("n", {{"kty", "EC"}}), *PrimaryBinding("n", {{"kty", "EC"}}, ""));
}

}  // namespace
}  // namespace nacre::attestation
