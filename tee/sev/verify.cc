// The steps stand in the order in which they give meaning to each other: names in a certificate say
// nothing before its chain holds, extensions say nothing before the leaf is the right kind, and a
// field of the report says nothing before the signature over it is checked. So the first failed
// step of genuineness ends the verification; demands of the owner are then checked all together.

#include "tee/sev/verify.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/strings.h"
#include "tee/sev/claims.h"
#include "tee/sev/vek.h"

namespace nacre::tee::sev {
namespace {

bool AllZero(ByteView bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0; });
}

class Verification {
 public:
  Verification(const SnpEvidence& evidence, const SnpTrust& trust, const SnpPolicy& policy,
               int64_t now, EndorsementCache* cache, Appraisal* appraisal)
      : evidence_(evidence),
        trust_(trust),
        policy_(policy),
        now_(now),
        cache_(cache),
        appraisal_(*appraisal) {}

  bool Run() {
    const bool genuine = CheckFormat() && CheckEndorsement() && CheckSignature() &&
                         CheckProduct() && CheckReportedTcb() && CheckTcbOrder() && CheckOwner();
    if (!genuine) return false;
    AddReportClaims(report_, product(), &appraisal_);
    const std::string& csp_id = endorsement_->extensions.csp_id;
    if (!csp_id.empty()) appraisal_.claims["csp_id"] = csp_id;
    return CheckPolicy(report_, product(), policy_, &appraisal_);
  }
  const Report& report() const { return report_; }

 private:
  Product product() const { return endorsement_->product(); }
  const VekExtensions& extensions() const { return endorsement_->extensions; }

  bool CheckFormat() {
    const std::string_view name = "report format";
    const std::string_view expected = "a 1184-byte SNP report, version 2, 3, 4 or 5";
    auto report = ParseReport(evidence_.report);
    if (!report.ok()) {
      return appraisal_.AddError(RefusalClass::kFormat, name, expected, report.status());
    }
    report_ = *std::move(report);
    auto signature = ReportSignature(report_);
    if (!signature.ok()) {
      return appraisal_.AddError(RefusalClass::kFormat, name, expected, signature.status());
    }
    signature_ = *std::move(signature);
    return appraisal_.Add(name, true, expected, StrCat("version ", report_.version));
  }

  bool CheckEndorsement() {
    const SigningKey key = report_.signing_key();
    if (key != SigningKey::kVcek && key != SigningKey::kVlek) {
      return appraisal_.Add(RefusalClass::kKeyType, "signing key", false, "VCEK or VLEK",
                            StrCat("signing key ", static_cast<int>(key)));
    }
    const auto kind = key == SigningKey::kVcek ? CertificateKind::kVcek : CertificateKind::kVlek;
    endorsement_ =
        VerifyEndorsement(evidence_.certificates, kind, trust_, now_, cache_, &appraisal_);
    return endorsement_ != nullptr;
  }

  bool CheckProduct() {
    const std::string expected(ProductName(product()));
    const std::string& certified = extensions().product_name;
    std::string got = certified.substr(0, certified.find('-'));
    // Version 2 reports do not name the processor.
    if (got == expected && report_.version >= 3) {
      const auto by_cpuid = ReportProduct(report_);
      got = by_cpuid
                ? std::string(ProductName(*by_cpuid))
                : StrCat("CPUID family ", report_.cpuid_family, " model ", report_.cpuid_model);
    }
    return appraisal_.Add(RefusalClass::kProduct, "product", got == expected, expected, got);
  }

  bool CheckSignature() {
    const std::string_view name = "report signature";
    const std::string_view expected = "the leaf's ECDSA P-384 signature";
    const absl::Status status = endorsement_->key.VerifyEcdsa(
        crypto::HashAlgorithm::kSha384, ByteView(evidence_.report).first(kSignedSize), signature_);
    if (!status.ok()) {
      return appraisal_.Add(RefusalClass::kSignature, name, false, expected, Message(status),
                            "the report is not signed by the certificate's key");
    }
    return appraisal_.Add(name, true, expected, "valid");
  }

  bool CheckReportedTcb() {
    const TcbVersion& reported = report_.reported_tcb;
    const TcbVersion& certified = extensions().tcb;
    bool same = true;
    for (const SplExtension& spl : SplExtensions(product())) {
      same &= certified.raw[spl.tcb_index] == reported.raw[spl.tcb_index];
    }
    return appraisal_.Add(RefusalClass::kTcbMismatch, "reported TCB", same,
                          StrCat("as certified: ", certified.Components(product()).ToString()),
                          reported.Components(product()).ToString());
  }

  // A host may report less than it has committed to, and run more than that, never the reverse.
  bool CheckTcbOrder() {
    const TcbComponents reported = report_.reported_tcb.Components(product());
    const TcbComponents committed = report_.committed_tcb.Components(product());
    const TcbComponents current = report_.current_tcb.Components(product());
    const bool ordered = committed.AtLeast(reported) && current.AtLeast(committed);
    return appraisal_.Add(RefusalClass::kTcbMismatch, "TCB order", ordered,
                          "reported <= committed <= current",
                          ordered ? "reported <= committed <= current"
                                  : StrCat("reported ", reported.ToString(), "; committed ",
                                           committed.ToString(), "; current ", current.ToString()));
  }

  // VCEK: the certificate is of this very chip. VLEK: of an accepted cloud provider.
  bool CheckOwner() {
    if (report_.signing_key() == SigningKey::kVlek) return CheckProvider();
    const bool masked = AllZero(report_.chip_id);
    if (masked && policy_.allow_masked_chip_id) {
      return appraisal_.Add("chip id", true, "the certificate's, or masked", "masked");
    }
    Bytes expected = extensions().hardware_id;
    if (product() == Product::kTurin) expected.resize(report_.chip_id.size());  // the rest is zero
    return appraisal_.Add(RefusalClass::kChipId, "chip id", ToBytes(report_.chip_id) == expected,
                          HexEncode(expected),
                          masked ? "masked (all zero)" : HexEncode(report_.chip_id));
  }

  bool CheckProvider() {
    const auto& allowed = policy_.csp_ids;
    const std::string& got = extensions().csp_id;
    const bool passed =
        allowed.empty() || std::find(allowed.begin(), allowed.end(), got) != allowed.end();
    return appraisal_.Add(RefusalClass::kPolicy, "cloud provider", passed,
                          allowed.empty() ? "any" : StrJoin(allowed, " or "), got);
  }

  const SnpEvidence& evidence_;
  const SnpTrust& trust_;
  const SnpPolicy& policy_;
  const int64_t now_;
  EndorsementCache* const cache_;
  Appraisal& appraisal_;
  Report report_;
  Bytes signature_;
  std::shared_ptr<const Endorsement> endorsement_;
};

}  // namespace

absl::StatusOr<SnpEvidence> SnpEvidenceFrom(const Evidence& evidence) {
  if (evidence.kind != TeeKind::kSnp) {
    return WithClass(absl::InvalidArgumentError(
                         StrCat("evidence is of kind ", TeeName(evidence.kind), ", not snp")),
                     RefusalClass::kTypeMismatch);
  }
  SnpEvidence out{evidence.report, {}};
  ASSIGN_OR_RETURN(out.certificates, ParseCertificateTable(evidence.auxiliary));
  return out;
}

std::optional<Report> VerifySnp(const SnpEvidence& evidence, const SnpTrust& trust,
                                const SnpPolicy& policy, int64_t now, Appraisal* appraisal,
                                EndorsementCache* cache) {
  appraisal->tee = TeeKind::kSnp;
  Verification verification(evidence, trust, policy, now, cache, appraisal);
  if (!verification.Run()) return std::nullopt;
  return verification.report();
}

}  // namespace nacre::tee::sev
