// Data from elsewhere (tee/testing/outside.h): every SNP report, certificate and launch digest.

#include "tee/testing/outside.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/strings.h"
#include "tee/common/hex_number.h"
#include "tee/sev/launch_digest.h"
#include "tee/sev/vek.h"
#include "tee/sev/verify.h"
#include "tee/sev/vmsa.h"

namespace nacre::tee::sev {
namespace {

using outside::FileOf;
using outside::Folder;
using outside::IsTrue;
using outside::NumberOrZero;
using outside::OutsideTest;
using outside::ReadData;
using outside::ReadJson;
using outside::Tally;
using outside::Text;
using outside::Time;

constexpr int64_t kDay = 24 * 3600;

CertificateKind CaKind(const crypto::Certificate& certificate) {
  return certificate.subject_common_name().value().starts_with("ARK-") ? CertificateKind::kArk
                                                                       : CertificateKind::kAsk;
}

class Outside : public OutsideTest {
 protected:
  void SetUp() override {
    OutsideTest::SetUp();
    if (IsSkipped()) return;
    for (const Json& vector : OfKind("snp-ca-cert")) {
      const Bytes der = ReadData(FileOf(vector, "certificate"));
      authorities_.push_back({CaKind(crypto::Certificate::FromDer(der).value()), der});
    }
  }

  std::vector<CertificateEntry> authorities_;
};

bool SameFields(const Report& report, const Json& stated) {
  const auto hex = [&](const char* key, ByteView bytes) {
    return HexEncode(bytes) == Text(stated, key);
  };
  const auto firmware = [](const FirmwareVersion& version) {
    return StrCat(version.major, ".", version.minor, ".", version.build);
  };
  const Json& tcb = stated.at("tcb_raw");
  bool same =
      report.version == stated.at("version").get<uint32_t>() &&
      report.guest_svn == stated.at("guest_svn").get<uint32_t>() &&
      FormatHexNumber(report.policy.value) == Text(stated, "policy") &&
      report.policy.debug_allowed() == IsTrue(stated.at("policy_bits"), "debug") &&
      report.policy.smt_allowed() == IsTrue(stated.at("policy_bits"), "smt") &&
      report.vmpl == stated.at("vmpl").get<uint32_t>() &&
      FormatHexNumber(report.platform_info) == Text(stated, "platform_info") &&
      report.cpuid_family == NumberOrZero(stated, "cpuid_fam") &&
      report.cpuid_model == NumberOrZero(stated, "cpuid_mod") &&
      report.cpuid_stepping == NumberOrZero(stated, "cpuid_step") &&
      firmware(report.current_firmware) == Text(stated, "current_fw") &&
      firmware(report.committed_firmware) == Text(stated, "committed_fw") &&
      (report.signing_key() == SigningKey::kVlek) == (Text(stated, "signing_key") == "VLEK");
  same = same && hex("family_id", report.family_id) && hex("image_id", report.image_id) &&
         hex("report_data", report.report_data) && hex("measurement", report.measurement) &&
         hex("host_data", report.host_data) && hex("id_key_digest", report.id_key_digest) &&
         hex("author_key_digest", report.author_key_digest) && hex("chip_id", report.chip_id) &&
         hex("report_id", report.report_id) && hex("report_id_ma", report.report_id_ma);
  return same && HexEncode(report.current_tcb.raw) == Text(tcb, "current") &&
         HexEncode(report.reported_tcb.raw) == Text(tcb, "reported") &&
         HexEncode(report.committed_tcb.raw) == Text(tcb, "committed") &&
         HexEncode(report.launch_tcb.raw) == Text(tcb, "launch");
}

SnpEvidence EvidenceOf(const Json& vector, const Bytes& report,
                       const std::vector<CertificateEntry>& authorities) {
  SnpEvidence evidence{report, authorities};
  for (const char* role : {"VCEK", "VLEK"}) {
    const std::string path = FileOf(vector, role);
    if (!path.empty())
      evidence.certificates.push_back({ParseCertificateKind(role), ReadData(path)});
  }
  return evidence;
}

// Genuine as stated; and once genuine, the strict policy minds exactly debugging and VMPL here.
bool VerdictAsStated(const Json& stated, const SnpEvidence& evidence) {
  const bool endorsed = stated.contains("endorsement");
  bool genuine = false;
  int64_t now = 0;
  if (endorsed) {
    const Json& endorsement = stated.at("endorsement");
    const Json& chip = endorsement.at("chip_id_matches_hwid");
    genuine = IsTrue(endorsement, "chain_valid") && IsTrue(stated, "report_signature_valid") &&
              IsTrue(endorsement, "tcb_ext_equals_reported_tcb") &&
              (chip.is_null() || chip.get<bool>());
    now = Time(Text(endorsement, "not_before")) + kDay;
  }
  Appraisal relaxed;
  const SnpPolicy any{.allow_debug = true, .allow_migration_agent = true, .max_vmpl = 3};
  if (VerifySnp(evidence, SnpTrust{}, any, now, &relaxed).has_value() != genuine) return false;
  if (!genuine) return true;
  const Json& endorsement = stated.at("endorsement");
  Appraisal strict;
  const bool within = VerifySnp(evidence, SnpTrust{}, {}, now, &strict).has_value();
  const bool expected =
      !IsTrue(stated.at("policy_bits"), "debug") && stated.at("vmpl").get<int>() == 0;
  Appraisal late;
  const bool expired =
      !VerifySnp(evidence, SnpTrust{}, any, Time(Text(endorsement, "not_after")) + 1, &late);
  return relaxed.root == Text(endorsement, "ark") && within == expected && expired;
}

TEST_F(Outside, SnpReports) {
  Tally tally("snp report");
  for (const Json& vector : OfKind("snp-report")) {
    const Bytes bytes = ReadData(FileOf(vector, "SNP"));
    const Json& stated = vector.at("expected");
    const auto report = ParseReport(bytes);
    tally.Count(report.ok() && SerializeReport(*report) == bytes && SameFields(*report, stated) &&
                    VerdictAsStated(stated, EvidenceOf(vector, bytes, authorities_)),
                Text(vector, "id"));
  }
}

TEST_F(Outside, SnpReportsWithOneBitFlippedAreRefused) {
  Tally tally("snp report with one signed bit flipped");
  for (const Json& vector : OfKind("snp-report")) {
    const Json& stated = vector.at("expected");
    if (!stated.contains("endorsement")) continue;
    Bytes bytes = ReadData(FileOf(vector, "SNP"));
    const SnpPolicy any{.allow_debug = true, .allow_migration_agent = true, .max_vmpl = 3};
    for (size_t offset = 0; offset < kSignedSize; offset += 31) {
      bytes[offset] ^= 0x10;
      Appraisal appraisal;
      const int64_t now = Time(Text(stated.at("endorsement"), "not_before")) + kDay;
      tally.Count(!VerifySnp(EvidenceOf(vector, bytes, authorities_), {}, any, now, &appraisal),
                  StrCat(Text(vector, "id"), " at ", offset));
      bytes[offset] ^= 0x10;
    }
  }
}

TEST_F(Outside, SnpLeafCertificates) {
  Tally tally("snp certificate");
  for (const Json& vector : OfKind("snp-cert-only")) {
    const Json& stated = vector.at("expected");
    const Bytes der = ReadData(FileOf(vector, "VCEK"));
    std::vector<CertificateEntry> presented = authorities_;
    presented.push_back({CertificateKind::kVcek, der});
    const auto chain = VerifyVekChain(presented, CertificateKind::kVcek, {},
                                      Time(Text(stated, "not_before")) + kDay);
    bool good = chain.ok() == IsTrue(stated, "chain_valid");
    if (good && chain.ok()) {
      const auto extensions = ReadVekExtensions(chain->leaf, chain->trusted.product);
      good = extensions.ok() &&
             HexEncode(extensions->hardware_id) == Text(stated.at("ext"), "hwID") &&
             extensions->product_name == Text(stated.at("ext"), "productName");
    }
    tally.Count(good, Text(vector, "id"));
  }
}

TEST_F(Outside, SnpAuthorities) {
  Tally tally("snp certificate authority");
  for (const Json& vector : OfKind("snp-ca-cert")) {
    const Json& stated = vector.at("expected");
    const auto certificate =
        crypto::Certificate::FromDer(ReadData(FileOf(vector, "certificate"))).value();
    bool pinned = false;
    for (const TrustedRoot& root : AmdRoots()) {
      pinned |= root.spki_sha384 == certificate.SpkiDigest(crypto::HashAlgorithm::kSha384).value();
    }
    tally.Count(certificate.subject_common_name().value() == Text(stated, "subject_cn") &&
                    HexEncode(certificate.SpkiDigest(crypto::HashAlgorithm::kSha256).value()) ==
                        Text(stated, "spki_sha256") &&
                    pinned == IsTrue(stated, "self_signed"),
                Text(vector, "id"));
  }
}

// A file named by a launch case: "/dev/null" is present and empty, null absent.
Bytes LaunchFile(const Json& value) {
  if (value.is_null() || value.get<std::string>() == "/dev/null") return {};
  return ReadData(StrCat("measure/inputs/", value.get<std::string>()));
}

std::string Lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

LaunchInputs InputsOf(const Json& test) {
  LaunchInputs inputs;
  const std::string mode = Text(test, "mode");
  inputs.mode = ParseLaunchMode(mode == "seves" ? "sev-es" : mode).value();
  inputs.vmm = ParseVmmProfile(Lower(Text(test, "vmm_type"))).value();
  inputs.firmware_path = Text(test, "ovmf");
  if (!test.at("kernel").is_null()) inputs.kernel_path = Text(test, "kernel");
  if (!test.at("initrd").is_null()) inputs.initrd_path = Text(test, "initrd");
  if (!test.at("append").is_null()) inputs.command_line = Text(test, "append");
  inputs.vcpus = test.at("vcpus").get<uint32_t>();
  inputs.guest_features = test.at("guest_features").get<uint64_t>();
  if (!test.at("vcpu_type").is_null()) {
    inputs.vcpu_type = Text(test, "vcpu_type");
  } else if (!test.at("vcpu_sig_used").is_null()) {
    inputs.vcpu_type = FormatHexNumber(test.at("vcpu_sig_used").get<uint64_t>());
  }
  return inputs;
}

TEST_F(Outside, LaunchDigests) {
  const Json table = ReadJson(Folder() + "/measure/launch_digests.json");
  Tally tally("launch digest");
  for (const Json& test : table.at("cases")) {
    const std::string expected = Text(test, "expected");
    auto measurement =
        MeasureLaunch(InputsOf(test), ReadData(StrCat("measure/inputs/", Text(test, "ovmf"))),
                      LaunchFile(test.at("kernel")), LaunchFile(test.at("initrd")));
    if (measurement.ok() && test.contains("snp_ovmf_hash")) {
      measurement->firmware.launch_prefix = HexDecode(Text(test, "snp_ovmf_hash")).value();
      measurement->digest = ReplaySnpDigest(*measurement).value();
    }
    const bool must_fail = expected.starts_with("ERROR");
    tally.Count(must_fail ? !measurement.ok()
                          : measurement.ok() && HexEncode(measurement->digest) == expected,
                Text(test, "name"));
  }
}

TEST_F(Outside, FirmwarePrefixesAndVcpuSignatures) {
  const Json table = ReadJson(Folder() + "/measure/launch_digests.json");
  Tally tally("firmware prefix and vCPU signature");
  for (const auto& [name, digest] : table.at("ovmf_hash").items()) {
    LaunchInputs inputs;
    inputs.firmware_path = name;
    const auto measurement =
        MeasureLaunch(inputs, ReadData(StrCat("measure/inputs/", name)), {}, {});
    tally.Count(measurement.ok() &&
                    HexEncode(measurement->firmware.launch_prefix) == digest.get<std::string>(),
                name);
  }
  for (const auto& [name, signature] : table.at("vcpu_signatures").items()) {
    const auto value = VcpuSignature(name);
    tally.Count(value.ok() && FormatHexNumber(*value) == signature.get<std::string>(), name);
  }
}

}  // namespace
}  // namespace nacre::tee::sev
