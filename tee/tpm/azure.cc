#include "tee/tpm/azure.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/strings.h"
#include "tee/common/refusal_class.h"
#include "tee/tdx/td_report.h"

namespace nacre::tee::tpm {
namespace {

std::string_view TypeName(HclReportType type) {
  return type == HclReportType::kSnp ? "SNP" : "TDX";
}

}  // namespace

// The links that both kinds have in common.
class AzureVerification {
 public:
  AzureVerification(const AzureEvidence& evidence, HclReportType type, Appraisal* appraisal)
      : evidence_(evidence), type_(type), appraisal_(*appraisal) {}

  bool ReadReport() {
    auto report = ParseHclReport(evidence_.hcl_report);
    if (!report.ok()) {
      return appraisal_.AddError(RefusalClass::kFormat, "HCL report format", "an HCL report",
                                 report.status());
    }
    report_ = *std::move(report);
    return appraisal_.Add(RefusalClass::kTypeMismatch, "HCL report type", report_.type == type_,
                          TypeName(type_), TypeName(report_.type));
  }
  const HclReport& report() const { return report_; }

  // What a genuine hardware report carries is the digest of this runtime data.
  bool CheckBinding(std::string_view name, ByteView report_data) {
    const Bytes expected = report_.ReportData();
    return appraisal_.Add(RefusalClass::kHclBinding, name,
                          std::ranges::equal(report_data, expected), HexEncode(expected),
                          HexEncode(report_data));
  }

  // Whose vTPM it is.
  bool CheckParavisor(ByteView measurement, const AzurePolicy& policy) {
    const std::vector<Bytes>& known = policy.paravisors;
    std::vector<std::string> texts;
    for (const Bytes& one : known) texts.push_back(HexEncode(one));
    const bool good =
        known.empty() || std::ranges::find(known, ToBytes(measurement)) != known.end();
    appraisal_.claims["azure.paravisor"] = HexEncode(measurement);
    return appraisal_.Add(RefusalClass::kMeasurement, "paravisor", good,
                          known.empty() ? "any" : StrJoin(texts, " or "), HexEncode(measurement));
  }

  // Only after the runtime data is vouched for.
  std::optional<AzureResult> CheckQuote(ByteView nonce, const TpmPolicy& policy) {
    auto runtime = ParseHclRuntimeData(report_.variable_data);
    if (!runtime.ok()) {
      appraisal_.AddError(RefusalClass::kFormat, "HCL runtime data", "JSON with the key HCLAkPub",
                          runtime.status());
      return std::nullopt;
    }
    const TrustedAk ak("HCLAkPub", runtime->attestation_key);
    auto tpm = VerifyTpmQuote(evidence_.tpm, ak, nonce, policy, &appraisal_);
    if (!tpm) return std::nullopt;
    for (const auto& [name, value] : runtime->vm_configuration) {
      appraisal_.claims["azure.vm." + name] = value;
    }
    if (!runtime->user_data.empty()) appraisal_.claims["azure.user_data"] = runtime->user_data;
    return AzureResult{*std::move(runtime), *std::move(tpm)};
  }

 private:
  const AzureEvidence& evidence_;
  HclReportType type_;
  Appraisal& appraisal_;
  HclReport report_;
};

std::optional<AzureResult> VerifyAzureSnp(const AzureEvidence& evidence, const sev::SnpTrust& trust,
                                          const sev::SnpPolicy& snp_policy, ByteView nonce,
                                          const AzurePolicy& policy, int64_t now,
                                          Appraisal* appraisal) {
  appraisal->tee = TeeKind::kSnp;
  AzureVerification azure(evidence, HclReportType::kSnp, appraisal);
  if (!azure.ReadReport()) return std::nullopt;
  const sev::SnpEvidence snp{azure.report().hardware_report, evidence.certificates};
  const auto report = sev::VerifySnp(snp, trust, snp_policy, now, appraisal);
  if (!report || !azure.CheckBinding("HCL runtime data in the SNP report", report->report_data) ||
      !azure.CheckParavisor(report->measurement, policy)) {
    return std::nullopt;
  }
  return azure.CheckQuote(nonce, policy.tpm);
}

std::optional<AzureResult> VerifyAzureTdx(const AzureEvidence& evidence,
                                          const tdx::ParsedCollateral& collateral,
                                          const tdx::TdxTrust& trust,
                                          const tdx::TdxPolicy& tdx_policy, ByteView nonce,
                                          const AzurePolicy& policy, int64_t now,
                                          Appraisal* appraisal) {
  appraisal->tee = TeeKind::kTdx;
  AzureVerification azure(evidence, HclReportType::kTdx, appraisal);
  if (!azure.ReadReport()) return std::nullopt;
  const auto report = tdx::ParseTdReport(azure.report().hardware_report);
  if (!report.ok()) {
    appraisal->AddError(RefusalClass::kFormat, "TDREPORT format", "a TDREPORT", report.status());
    return std::nullopt;
  }
  if (!azure.CheckBinding("HCL runtime data in the TDREPORT", report->td.report_data)) {
    return std::nullopt;
  }
  // The TDREPORT's MAC is good on its own machine only: the quote is what vouches.
  const auto td = tdx::VerifyTdx(evidence.td_quote, collateral, trust, tdx_policy, now, appraisal);
  if (!td || !azure.CheckBinding("HCL runtime data in the TD quote", td->quote.td->report_data) ||
      !azure.CheckParavisor(td->quote.td->mrtd, policy)) {
    return std::nullopt;
  }
  return azure.CheckQuote(nonce, policy.tpm);
}

}  // namespace nacre::tee::tpm
