// The steps stand in the order in which they give meaning to each other: names in a certificate say
// nothing before its chain holds, extensions say nothing before the leaf is the right kind, and a
// field of the report says nothing before the signature over it is checked. So the first failed
// step of genuineness ends the verification; demands of the owner are then checked all together.

#include "tee/sev/verify.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/strings.h"
#include "tee/common/hex_number.h"
#include "tee/sev/vek.h"

namespace nacre::tee::sev {
namespace {

constexpr size_t kTurinIdSize = 8;  // of the 64 bytes; the others are zero

bool AllZero(ByteView bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0; });
}

class Verification {
 public:
  Verification(const SnpEvidence& evidence, const SnpTrust& trust, const SnpPolicy& policy,
               int64_t now, Appraisal* appraisal)
      : evidence_(evidence), trust_(trust), policy_(policy), now_(now), appraisal_(*appraisal) {}

  bool Run() {
    const bool genuine = CheckFormat() && CheckChain() && CheckRevocationLists() &&
                         CheckLeafKind() && CheckProduct() && CheckSignature() &&
                         CheckReportedTcb() && CheckOwner();
    if (!genuine) return false;
    AddClaims();
    return CheckPolicy(report_, product(), policy_, &appraisal_);
  }
  const Report& report() const { return report_; }

 private:
  Product product() const { return chain_->trusted.product; }
  bool Fail(std::string_view name, std::string_view expected, const absl::Status& status) {
    return appraisal_.Add(name, false, expected, Message(status), Message(status));
  }

  bool CheckFormat() {
    const std::string_view name = "report format";
    const std::string_view expected = "a 1184-byte SNP report, version 2, 3 or 5";
    auto report = ParseReport(evidence_.report);
    if (!report.ok()) return Fail(name, expected, report.status());
    report_ = *std::move(report);
    auto signature = ReportSignature(report_);
    if (!signature.ok()) return Fail(name, expected, signature.status());
    signature_ = *std::move(signature);
    return appraisal_.Add(name, true, expected, StrCat("version ", report_.version));
  }

  bool CheckChain() {
    const std::string_view name = "certificate chain";
    const std::string_view expected = "a path to a trusted root";
    const SigningKey key = report_.signing_key();
    if (key != SigningKey::kVcek && key != SigningKey::kVlek) {
      return appraisal_.Add("signing key", false, "VCEK or VLEK",
                            StrCat("signing key ", static_cast<int>(key)));
    }
    auto chain = VerifyVekChain(
        evidence_.certificates,
        key == SigningKey::kVcek ? CertificateKind::kVcek : CertificateKind::kVlek, trust_, now_);
    if (!chain.ok()) return Fail(name, expected, chain.status());
    chain_ = *std::move(chain);
    appraisal_.root = chain_->trusted.name;
    appraisal_.emulated = chain_->trusted.emulated;
    return appraisal_.Add(name, true, expected, chain_->trusted.name);
  }

  bool CheckRevocationLists() {
    const std::string_view name = "revocation";
    auto applied = CheckRevocation(*chain_, evidence_.certificates, trust_, now_);
    if (!applied.ok()) return Fail(name, "not revoked", applied.status());
    return appraisal_.Add(name, true, "not revoked", StrCat(*applied, " CRLs applied"));
  }

  // The report says which kind of key signed it; leaf and intermediate must be of that kind.
  bool CheckLeafKind() {
    const bool vlek = report_.signing_key() == SigningKey::kVlek;
    const std::string expected = StrCat(vlek ? kVlekName : kVcekName, " under ",
                                        vlek ? "SEV-VLEK-" : "SEV-", ProductName(product()));
    const std::string got = StrCat(chain_->leaf.subject_common_name().value_or("?"), " under ",
                                   chain_->intermediate.subject_common_name().value_or("?"));
    return appraisal_.Add("signing key", got == expected, expected, got);
  }

  bool CheckProduct() {
    auto extensions = ReadVekExtensions(chain_->leaf, product());
    if (!extensions.ok()) {
      return Fail("certificate extensions", "AMD's VCEK or VLEK extensions", extensions.status());
    }
    extensions_ = *std::move(extensions);
    const std::string expected(ProductName(product()));
    std::string got = extensions_.product_name.substr(0, extensions_.product_name.find('-'));
    // Version 2 reports do not name the processor.
    if (got == expected && report_.version >= 3) {
      const auto by_cpuid = ReportProduct(report_);
      got = by_cpuid
                ? std::string(ProductName(*by_cpuid))
                : StrCat("CPUID family ", report_.cpuid_family, " model ", report_.cpuid_model);
    }
    return appraisal_.Add("product", got == expected, expected, got);
  }

  bool CheckSignature() {
    const std::string_view name = "report signature";
    const std::string_view expected = "the leaf's ECDSA P-384 signature";
    const auto key = chain_->leaf.public_key();
    if (!key.ok()) return Fail(name, expected, key.status());
    const absl::Status status = key->VerifyEcdsa(
        crypto::HashAlgorithm::kSha384, ByteView(evidence_.report).first(kSignedSize), signature_);
    if (!status.ok()) {
      return appraisal_.Add(name, false, expected, Message(status),
                            "the report is not signed by the certificate's key");
    }
    return appraisal_.Add(name, true, expected, "valid");
  }

  bool CheckReportedTcb() {
    const TcbVersion& reported = report_.reported_tcb;
    bool same = true;
    for (const SplExtension& spl : SplExtensions(product())) {
      same &= extensions_.tcb.raw[spl.tcb_index] == reported.raw[spl.tcb_index];
    }
    return appraisal_.Add(
        "reported TCB", same,
        StrCat("as certified: ", extensions_.tcb.Components(product()).ToString()),
        reported.Components(product()).ToString());
  }

  // VCEK: the certificate is of this very chip. VLEK: of an accepted cloud provider.
  bool CheckOwner() {
    if (report_.signing_key() == SigningKey::kVlek) return CheckProvider();
    const std::string got = HexEncode(report_.chip_id);
    if (AllZero(report_.chip_id) && policy_.allow_masked_chip_id) {
      return appraisal_.Add("chip id", true, "the certificate's, or masked", "masked");
    }
    Bytes expected = extensions_.hardware_id;
    if (product() == Product::kTurin && expected.size() == kTurinIdSize) {
      expected.resize(report_.chip_id.size());
    }
    return appraisal_.Add("chip id", ToBytes(report_.chip_id) == expected, HexEncode(expected),
                          AllZero(report_.chip_id) ? "masked (all zero)" : got);
  }

  bool CheckProvider() {
    const auto& allowed = policy_.csp_ids;
    const bool passed = allowed.empty() || std::find(allowed.begin(), allowed.end(),
                                                     extensions_.csp_id) != allowed.end();
    return appraisal_.Add("cloud provider", passed,
                          allowed.empty() ? "any" : StrJoin(allowed, " or "), extensions_.csp_id);
  }

  void AddTcbClaims(const std::string& name, const TcbVersion& tcb) {
    const TcbComponents components = tcb.Components(product());
    if (product() == Product::kTurin) appraisal_.claims[name + ".fmc"] = StrCat(components.fmc);
    appraisal_.claims[name + ".bootloader"] = StrCat(components.bootloader);
    appraisal_.claims[name + ".tee"] = StrCat(components.tee);
    appraisal_.claims[name + ".snp"] = StrCat(components.snp);
    appraisal_.claims[name + ".microcode"] = StrCat(components.microcode);
  }

  void AddClaims() {
    auto& claims = appraisal_.claims;
    claims["product"] = std::string(ProductName(product()));
    claims["signing_key"] =
        std::string(report_.signing_key() == SigningKey::kVlek ? kVlekName : kVcekName);
    claims["report_version"] = StrCat(report_.version);
    claims["measurement"] = HexEncode(report_.measurement);
    claims["report_data"] = HexEncode(report_.report_data);
    claims["host_data"] = HexEncode(report_.host_data);
    claims["chip_id"] = HexEncode(report_.chip_id);
    claims["id_key_digest"] = HexEncode(report_.id_key_digest);
    claims["author_key_digest"] = HexEncode(report_.author_key_digest);
    claims["policy"] = FormatHexNumber(report_.policy.value);
    claims["platform_info"] = FormatHexNumber(report_.platform_info);
    claims["vmpl"] = StrCat(report_.vmpl);
    claims["guest_svn"] = StrCat(report_.guest_svn);
    if (!extensions_.csp_id.empty()) claims["csp_id"] = extensions_.csp_id;
    AddTcbClaims("reported_tcb", report_.reported_tcb);
    AddTcbClaims("committed_tcb", report_.committed_tcb);
    AddTcbClaims("launch_tcb", report_.launch_tcb);
  }

  const SnpEvidence& evidence_;
  const SnpTrust& trust_;
  const SnpPolicy& policy_;
  const int64_t now_;
  Appraisal& appraisal_;
  Report report_;
  Bytes signature_;
  std::optional<VekChain> chain_;
  VekExtensions extensions_;
};

}  // namespace

absl::StatusOr<SnpEvidence> SnpEvidenceFrom(const Evidence& evidence) {
  if (evidence.kind != TeeKind::kSnp) {
    return absl::InvalidArgumentError(
        StrCat("evidence is of kind ", TeeName(evidence.kind), ", not snp"));
  }
  SnpEvidence out{evidence.report, {}};
  ASSIGN_OR_RETURN(out.certificates, ParseCertificateTable(evidence.auxiliary));
  return out;
}

std::optional<Report> VerifySnp(const SnpEvidence& evidence, const SnpTrust& trust,
                                const SnpPolicy& policy, int64_t now, Appraisal* appraisal) {
  appraisal->tee = TeeKind::kSnp;
  Verification verification(evidence, trust, policy, now, appraisal);
  if (!verification.Run()) return std::nullopt;
  return verification.report();
}

}  // namespace nacre::tee::sev
