#include "attestation/protocol/snp_evidence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "attestation/protocol/limits.h"
#include "base/json_reader.h"

namespace nacre::attestation {
namespace {

using tee::sev::CertificateKind;
using tee::sev::Product;
using tee::sev::Report;
using tee::sev::TcbVersion;
using ::testing::HasSubstr;

Report SomeReport(uint32_t version) {
  Report report;
  report.version = version;
  report.policy.value = 0x30000;
  report.signature_algorithm = 1;
  report.measurement.fill(0xab);
  report.current_firmware = {.build = 4, .minor = 52, .major = 1};
  report.signature_r[0] = 7;
  report.reported_tcb = TcbVersion::FromComponents(
      Product::kMilan, {.fmc = 0, .bootloader = 3, .tee = 0, .snp = 8, .microcode = 115});
  if (version >= 3) {
    report.cpuid_family = 0x19;
    report.cpuid_model = 1;
  }
  if (version >= 5) report.launch_mitigations = 1ull << 63;
  return report;
}

SnpEvidenceMessage Message(const Report& report) {
  SnpEvidenceMessage message;
  message.evidence.report = SerializeReport(report);
  message.evidence.certificates = {{CertificateKind::kVcek, {0x30, 0x03}}};
  return message;
}

Json GoodJson() { return *SnpEvidenceToJson(Message(SomeReport(3))); }

TEST(SnpEvidence, ReportsComeBackByteForByte) {
  for (uint32_t version : {2u, 3u, 5u}) {
    SnpEvidenceMessage message = Message(SomeReport(version));
    auto json = SnpEvidenceToJson(message);
    ASSERT_TRUE(json.ok()) << json.status();
    auto back = SnpEvidenceFromJson(*json);
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_EQ(back->evidence.report, message.evidence.report) << version;
    EXPECT_EQ(back->evidence.certificates, message.evidence.certificates);
    EXPECT_FALSE(back->hint.has_value());
    auto compact = SnpEvidenceFromJson(*ParseJsonWithBytes(json->dump()));
    ASSERT_TRUE(compact.ok()) << compact.status();
    EXPECT_EQ(compact->evidence.report, message.evidence.report) << version;
    EXPECT_EQ(compact->evidence.certificates, message.evidence.certificates);
  }
}

TEST(SnpEvidence, TurinKeepsItsOwnTcbLayout) {
  Report report = SomeReport(3);
  report.cpuid_family = 0x1a;
  report.cpuid_model = 2;
  report.reported_tcb = TcbVersion::FromComponents(
      Product::kTurin, {.fmc = 1, .bootloader = 2, .tee = 3, .snp = 4, .microcode = 5});
  auto json = SnpEvidenceToJson(Message(report));
  ASSERT_TRUE(json.ok());
  EXPECT_EQ((*json)["attestation_report"]["reported_tcb"]["fmc"], 1);
  EXPECT_EQ(SnpEvidenceFromJson(*json)->evidence.report, SerializeReport(report));
}

TEST(SnpEvidence, OldReportsHaveNoCpuid) {
  Json json = *SnpEvidenceToJson(Message(SomeReport(2)));
  EXPECT_TRUE(json["attestation_report"]["cpuid_fam_id"].is_null());
  EXPECT_TRUE(json["attestation_report"]["reported_tcb"]["fmc"].is_null());
  EXPECT_FALSE(json["attestation_report"].contains("launch_mit_vector"));
}

TEST(SnpEvidence, HintTravelsBeside) {
  SnpEvidenceMessage message = Message(SomeReport(3));
  message.hint = LaunchHint{.command_line = "console=ttyS0 quiet", .vcpus = 2};
  auto back = SnpEvidenceFromJson(*SnpEvidenceToJson(message));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->hint->command_line, "console=ttyS0 quiet");
  EXPECT_EQ(back->hint->vcpus, 2u);
}

TEST(SnpEvidence, ChainMayBeNullAndUnknownKindsAreLeftOut) {
  Json json = GoodJson();
  json["cert_chain"] = nullptr;
  EXPECT_TRUE(SnpEvidenceFromJson(json)->evidence.certificates.empty());
  json["cert_chain"] = Json::array({{{"cert_type", "Empty"}, {"data", Json::array()}}});
  EXPECT_TRUE(SnpEvidenceFromJson(json)->evidence.certificates.empty());
}

TEST(SnpEvidence, EachMemberIsTypedAndBounded) {
  struct Case {
    std::function<void(Json&)> change;
    std::string why;
  };
  auto report = [](Json& json) -> Json& { return json["attestation_report"]; };
  const std::vector<Case> cases = {
      {[&](Json& j) { report(j).erase("measurement"); }, "measurement"},
      {[&](Json& j) { report(j)["measurement"].push_back(0); }, "49 bytes, expected 48"},
      {[&](Json& j) { report(j)["measurement"].erase(0); }, "47 bytes, expected 48"},
      {[&](Json& j) { report(j)["measurement"][0] = 256; }, "no byte"},
      {[&](Json& j) { report(j)["measurement"][0] = -1; }, "no byte"},
      {[&](Json& j) { report(j)["measurement"][0] = "1"; }, "no byte"},
      {[&](Json& j) { report(j)["vmpl"] = 1ull << 32; }, "vmpl"},
      {[&](Json& j) { report(j)["policy"] = "all"; }, "policy"},
      {[&](Json& j) { report(j)["reported_tcb"]["snp"] = 256; }, "snp"},
      {[&](Json& j) { report(j)["signature"]["r"].erase(0); }, "71 bytes"},
      {[&](Json& j) { report(j)["current"].erase("build"); }, "build"},
      {[&](Json& j) { j["attestation_report"] = "raw"; }, "attestation_report"},
      {[&](Json& j) { j["cert_chain"] = "none"; }, "not an array"},
      {[&](Json& j) { j["cert_chain"][0]["data"][0] = 300; }, "no byte"},
      {[&](Json& j) { j["cert_chain"][0].erase("cert_type"); }, "cert_type"},
      {[&](Json& j) {
         j["launch_hint"] = {{"command_line", "x"}, {"vcpus", 0}};
       },
       "launch_hint"},
      {[&](Json& j) { j["launch_hint"] = 1; }, "launch_hint"},
  };
  for (const Case& c : cases) {
    Json json = GoodJson();
    c.change(json);
    auto parsed = SnpEvidenceFromJson(json);
    ASSERT_FALSE(parsed.ok()) << c.why;
    EXPECT_THAT(std::string(parsed.status().message()), HasSubstr(c.why));
    auto compact = SnpEvidenceFromJson(*ParseJsonWithBytes(json.dump()));
    ASSERT_FALSE(compact.ok()) << c.why;
    EXPECT_THAT(std::string(compact.status().message()), HasSubstr(c.why));
  }
  EXPECT_FALSE(SnpEvidenceFromJson(Json::array()).ok());
}

TEST(SnpEvidence, CertificatesAreBounded) {
  Json json = GoodJson();
  Json certificate = json["cert_chain"][0];
  while (json["cert_chain"].size() < kMaxEvidenceCertificates) {
    json["cert_chain"].push_back(certificate);
  }
  EXPECT_TRUE(SnpEvidenceFromJson(json).ok());
  json["cert_chain"].push_back(certificate);
  EXPECT_FALSE(SnpEvidenceFromJson(json).ok());
  json["cert_chain"] = Json::array({certificate});
  json["cert_chain"][0]["data"] = Json(std::vector<unsigned>(kMaxCertificateSize, 1));
  EXPECT_TRUE(SnpEvidenceFromJson(json).ok());
  json["cert_chain"][0]["data"].push_back(1);
  EXPECT_FALSE(SnpEvidenceFromJson(json).ok());
}

TEST(SnpEvidence, HintIsBounded) {
  auto with = [](size_t size, uint64_t vcpus) {
    Json json = GoodJson();
    json["launch_hint"] = {{"command_line", std::string(size, 'x')}, {"vcpus", vcpus}};
    return SnpEvidenceFromJson(json).ok();
  };
  EXPECT_TRUE(with(kMaxCommandLineSize, kMaxVcpus));
  EXPECT_FALSE(with(kMaxCommandLineSize + 1, 1));
  EXPECT_FALSE(with(1, kMaxVcpus + 1));
}

TEST(SnpEvidence, BytesThatAreNoReportAreNotSent) {
  SnpEvidenceMessage message = Message(SomeReport(3));
  message.evidence.report.pop_back();
  EXPECT_FALSE(SnpEvidenceToJson(message).ok());
}

}  // namespace
}  // namespace nacre::attestation
