// Data from elsewhere (tee/testing/outside.h): every SNP report, certificate and launch digest.

#include "tee/testing/outside.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/strings.h"
#include "tee/common/hex_number.h"
#include "tee/sev/outside_snp.h"
#include "tee/sev/vek.h"
#include "tee/sev/verify.h"

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

using Outside = OutsideSnpTest;

bool SamePolicyBits(const GuestPolicy& policy, const Json& bits) {
  return policy.abi_minor() == bits.at("abi_minor").get<int>() &&
         policy.abi_major() == bits.at("abi_major").get<int>() &&
         policy.smt_allowed() == IsTrue(bits, "smt") &&
         policy.must_be_one() == IsTrue(bits, "reserved_mbo_bit17") &&
         policy.migration_agent_allowed() == IsTrue(bits, "migrate_ma") &&
         policy.debug_allowed() == IsTrue(bits, "debug") &&
         policy.single_socket_required() == IsTrue(bits, "single_socket") &&
         policy.cxl_allowed() == IsTrue(bits, "cxl_allow") &&
         policy.aes_256_xts_required() == IsTrue(bits, "mem_aes_256_xts") &&
         policy.rapl_must_be_disabled() == IsTrue(bits, "rapl_dis") &&
         policy.ciphertext_hiding_required() == IsTrue(bits, "ciphertext_hiding") &&
         policy.page_swap_must_be_disabled() == IsTrue(bits, "page_swap_disable");
}

// Components by the product's layout, as numbers.
bool SameTcb(const TcbVersion& tcb, const Json& stated, std::string_view product_text) {
  const Product product = product_text.starts_with("Turin")   ? Product::kTurin
                          : product_text.starts_with("Genoa") ? Product::kGenoa
                                                              : Product::kMilan;
  const TcbComponents got = tcb.Components(product);
  return got.bootloader == stated.at("bl").get<int>() && got.tee == stated.at("tee").get<int>() &&
         got.snp == stated.at("snp").get<int>() && got.microcode == stated.at("ucode").get<int>();
}

bool SameVersion5Fields(const Report& report, const Json& stated) {
  if (report.version < 5) return true;
  return FormatHexNumber(report.launch_mitigations) == Text(stated, "launch_mit_vector") &&
         FormatHexNumber(report.current_mitigations) == Text(stated, "current_mit_vector");
}

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
      SamePolicyBits(report.policy, stated.at("policy_bits")) &&
      report.signature_algorithm == stated.at("signature_algo").get<uint32_t>() &&
      report.author_key_enabled() == (stated.at("author_key_en").get<int>() != 0) &&
      report.chip_key_masked() == (stated.at("mask_chip_key").get<int>() != 0) &&
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
  const std::string product = stated.at("product").is_null() ? "" : Text(stated, "product");
  same = same && SameVersion5Fields(report, stated) &&
         SameTcb(report.current_tcb, stated.at("current_tcb"), product) &&
         SameTcb(report.reported_tcb, stated.at("reported_tcb"), product) &&
         SameTcb(report.committed_tcb, stated.at("committed_tcb"), product) &&
         SameTcb(report.launch_tcb, stated.at("launch_tcb"), product);
  return same && HexEncode(report.current_tcb.raw) == Text(tcb, "current") &&
         HexEncode(report.reported_tcb.raw) == Text(tcb, "reported") &&
         HexEncode(report.committed_tcb.raw) == Text(tcb, "committed") &&
         HexEncode(report.launch_tcb.raw) == Text(tcb, "launch");
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
    now = Time(Text(endorsement, "not_before")) + kOneDay;
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
  Tally tally("snp-report");
  for (const Json& vector : OfKind("snp-report")) {
    const Bytes bytes = ReadData(FileOf(vector, "SNP"));
    const Json& stated = vector.at("expected");
    const auto report = ParseReport(bytes);
    tally.Count(report.ok() && SerializeReport(*report) == bytes && SameFields(*report, stated) &&
                    VerdictAsStated(stated, EvidenceOf(vector)),
                Text(vector, "id"));
  }
}

TEST_F(Outside, SnpReportsWithOneBitFlippedAreRefused) {
  Tally tally("snp report with one signed bit flipped");
  for (const Json& vector : OfKind("snp-report")) {
    const Json& stated = vector.at("expected");
    if (!stated.contains("endorsement")) continue;
    SnpEvidence evidence = EvidenceOf(vector);
    Bytes bytes = evidence.report;
    const SnpPolicy any{.allow_debug = true, .allow_migration_agent = true, .max_vmpl = 3};
    for (size_t offset = 0; offset < kSignedSize; offset += 31) {
      bytes[offset] ^= 0x10;
      Appraisal appraisal;
      const int64_t now = Time(Text(stated.at("endorsement"), "not_before")) + kOneDay;
      evidence.report = bytes;
      tally.Count(!VerifySnp(evidence, {}, any, now, &appraisal),
                  StrCat(Text(vector, "id"), " at ", offset));
      bytes[offset] ^= 0x10;
    }
  }
}

// A leaf's names, dates and every extension that is stated.
bool SameLeaf(const crypto::Certificate& leaf, const Json& stated) {
  const std::string issuer = leaf.issuer_common_name().value();
  const auto product = ParseProductName(issuer.substr(issuer.rfind('-') + 1));
  if (!product.ok()) return false;
  const auto extensions = ReadVekExtensions(leaf, *product);
  const Json& ext = stated.at("ext");
  bool same = extensions.ok() && leaf.not_before() == Time(Text(stated, "not_before")) &&
              leaf.not_after() == Time(Text(stated, "not_after")) &&
              extensions->product_name == Text(ext, "productName");
  for (const SplExtension& spl : SplExtensions(*product)) {
    same = same && ext.at(std::string(spl.name)).get<int>() == extensions->tcb.raw[spl.tcb_index];
  }
  if (same && ext.contains("hwID") && !ext.at("hwID").is_null()) {
    same = HexEncode(extensions->hardware_id) == Text(ext, "hwID");
  }
  if (same && ext.contains("cspID") && !ext.at("cspID").is_null()) {
    same = extensions->csp_id == Text(ext, "cspID");
  }
  return same;
}

TEST_F(Outside, SnpLeafCertificates) {
  Tally tally("snp-cert-only");
  for (const Json& vector : OfKind("snp-cert-only")) {
    const Json& stated = vector.at("expected");
    const Bytes der = ReadData(FileOf(vector, "VCEK"));
    const auto leaf = crypto::Certificate::FromDer(der).value();
    std::vector<CertificateEntry> presented = authorities_;
    presented.push_back({CertificateKind::kVcek, der});
    const auto chain = VerifyVekChain(presented, CertificateKind::kVcek, {},
                                      Time(Text(stated, "not_before")) + kOneDay);
    tally.Count(chain.ok() == IsTrue(stated, "chain_valid") &&
                    leaf.subject_common_name().value() == Text(stated, "subject_cn") &&
                    leaf.issuer_common_name().value() == Text(stated, "issuer_cn") &&
                    SameLeaf(leaf, stated),
                Text(vector, "id"));
  }
}

// The endorsing certificates of reports say what is stated of them.
TEST_F(Outside, SnpEndorsements) {
  Tally tally("snp-report endorsement");
  for (const Json& vector : OfKind("snp-report")) {
    const Json& stated = vector.at("expected");
    if (!stated.contains("endorsement")) continue;
    const SnpEvidence evidence = EvidenceOf(vector);
    const auto leaf = crypto::Certificate::FromDer(evidence.certificates[0].data).value();
    const Json& endorsement = stated.at("endorsement");
    tally.Count(leaf.subject_common_name().value() == Text(endorsement, "kind") &&
                    leaf.issuer_common_name().value() == Text(endorsement, "ask") &&
                    SameLeaf(leaf, endorsement),
                Text(vector, "id"));
  }
}

TEST_F(Outside, SnpAuthorities) {
  Tally tally("snp-ca-cert");
  for (const Json& vector : OfKind("snp-ca-cert")) {
    const Json& stated = vector.at("expected");
    const auto certificate =
        crypto::Certificate::FromDer(ReadData(FileOf(vector, "certificate"))).value();
    bool pinned = false;
    for (const TrustedRoot& root : AmdRoots()) {
      pinned |= root.spki_sha384 == certificate.SpkiDigest(crypto::HashAlgorithm::kSha384);
    }
    const bool dates = certificate.not_before() == Time(Text(stated, "not_before")) &&
                       certificate.not_after() == Time(Text(stated, "not_after"));
    bool signed_by_ark = false;
    for (const CertificateEntry& entry : authorities_) {
      const auto issuer = crypto::Certificate::FromDer(entry.data).value();
      signed_by_ark |=
          entry.kind == CertificateKind::kArk && crypto::VerifyIssuedBy(certificate, issuer).ok();
    }
    tally.Count(dates && signed_by_ark == IsTrue(stated, "signed_by_ark") &&
                    certificate.issuer_common_name().value() == Text(stated, "issuer_cn") &&
                    HexEncode(certificate.Fingerprint(crypto::HashAlgorithm::kSha256)) ==
                        Text(stated, "cert_sha256") &&
                    certificate.subject_common_name().value() == Text(stated, "subject_cn") &&
                    HexEncode(certificate.SpkiDigest(crypto::HashAlgorithm::kSha256)) ==
                        Text(stated, "spki_sha256") &&
                    pinned == IsTrue(stated, "self_signed"),
                Text(vector, "id"));
  }
}

}  // namespace
}  // namespace nacre::tee::sev
