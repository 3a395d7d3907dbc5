#include "attestation/verifier/verify_tpm_evidence.h"

#include "attestation/verifier/verify_snp_evidence.h"
#include "attestation/verifier/verify_tdx_evidence.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/strings.h"
#include "tee/eventlog/event_log.h"
#include "tee/tpm/azure.h"
#include "tee/tpm/evidence_json.h"
#include "tee/tpm/hcl.h"

namespace nacre::attestation {
namespace {

using tee::Appraisal;
using tee::RefusalClass;
using tee::tpm::TpmEvidence;

constexpr std::string_view kWhere = "TPM evidence";
constexpr std::string_view kAny = "any: none was demanded";

// What the quote must carry: the nonce demanded, or, when none is, the one it has.
Bytes NonceFor(const EvidenceRequest& request, const TpmEvidence& evidence) {
  if (request.nonce) return *request.nonce;
  const auto attest = tee::tpm::ParseAttest(evidence.attest);
  return attest.ok() ? attest->extra_data : Bytes();
}

// A nonce that was compared with itself proves no freshness: say so.
void SayWhatWasDemanded(const EvidenceRequest& request, Appraisal* appraisal) {
  if (request.nonce) return;
  for (tee::Check& check : appraisal->checks) {
    if (check.name == "nonce" && check.passed) check.expected = kAny;
  }
  appraisal->claims["freshness"] = "not checked: no nonce was demanded";
}

absl::StatusOr<Bytes> Base64Of(const Json& object, std::string_view key) {
  ASSIGN_OR_RETURN(const std::string text, JsonString(object, key, kWhere));
  ASSIGN_OR_RETURN(Bytes bytes, Base64Decode(text), StrCat(kWhere, ": ", key));
  return bytes;
}

absl::StatusOr<TpmEvidence> FromCoco(const Json& document) {
  ASSIGN_OR_RETURN(const Json* quote, JsonObject(document, "tpm_quote", kWhere));
  TpmEvidence out;
  ASSIGN_OR_RETURN(out.attest, Base64Of(*quote, "message"));
  ASSIGN_OR_RETURN(out.signature, Base64Of(*quote, "signature"));
  ASSIGN_OR_RETURN(const Json* pcrs, JsonArray(*quote, "pcrs", kWhere));
  if (pcrs->size() > tee::eventlog::kPcrCount) {
    return absl::InvalidArgumentError(StrCat(kWhere, ": ", pcrs->size(), " PCRs"));
  }
  uint32_t index = 0;
  for (const Json& value : *pcrs) {
    if (!value.is_string()) return absl::InvalidArgumentError("TPM evidence: a PCR is no text");
    ASSIGN_OR_RETURN(out.pcrs[tee::eventlog::Bank::kSha256][index++],
                     HexDecode(value.get<std::string>()), kWhere);
  }
  return out;
}

// The launches of paravisors that are trusted: named ones, and those of reference values.
tee::tpm::AzurePolicy AzurePolicyOf(const EvidenceRequest& request) {
  tee::tpm::AzurePolicy policy;
  policy.tpm = request.tpm_policy;
  policy.paravisors = request.paravisors;
  for (const ReferenceValue& reference : request.references) {
    if (reference.expires && request.now >= *reference.expires) continue;
    policy.paravisors.push_back(reference.measurement.digest);
  }
  return policy;
}

// The hardware report vouches for the runtime data by its digest.
void CheckRuntimeData(const tee::tpm::HclReport& report, ByteView report_data,
                      Appraisal* appraisal) {
  const Bytes expected = report.ReportData();
  const bool bound =
      appraisal->Add(RefusalClass::kHclBinding, "runtime data",
                     ConstantTimeEqual(expected, report_data), HexEncode(expected),
                     HexEncode(report_data), "the report does not vouch for the runtime data");
  if (!bound) return;
  const auto runtime = tee::tpm::ParseHclRuntimeData(report.variable_data);
  if (!runtime.ok()) {
    appraisal->AddError(RefusalClass::kFormat, "runtime data format", "JSON with HCLAkPub",
                        runtime.status());
    return;
  }
  for (const auto& [name, value] : runtime->vm_configuration) {
    appraisal->claims[StrCat("azure.vm.", name)] = value;
  }
}

}  // namespace

absl::StatusOr<TpmEvidence> ReadTpmEvidence(std::string_view json) {
  ASSIGN_OR_RETURN(const Json document, ParseJson(json, {.max_size = kMaxEvidenceFile}));
  if (!document.contains("attest")) return FromCoco(document);
  ASSIGN_OR_RETURN(tee::tpm::TpmDocument own, tee::tpm::ParseTpmDocument(json));
  return std::move(own.evidence);
}

void VerifyTpmEvidence(const TpmEvidence& evidence, const EvidenceRequest& request,
                       Appraisal* appraisal) {
  appraisal->tee = tee::TeeKind::kTpm;
  if (!request.attestation_key) {
    appraisal->Add(RefusalClass::kAkBinding, "attestation key", false, "a key that is trusted",
                   "none",
                   "no attestation key is trusted (--ak); one that arrives with the "
                   "evidence never is");
    return;
  }
  TpmEvidence own = evidence;
  if (own.event_log.empty()) own.event_log = request.event_log;
  const auto ak = tee::tpm::TrustedAk::Configured("configured key", *request.attestation_key);
  VerifyTpm(own, ak, NonceFor(request, own), request.tpm_policy, appraisal);
  SayWhatWasDemanded(request, appraisal);
}

absl::Status VerifyAzureEvidence(EvidenceFormat format, std::string_view json,
                                 const EvidenceRequest& request, Appraisal* appraisal) {
  ASSIGN_OR_RETURN(tee::tpm::AzureEvidence evidence, tee::tpm::ParseAzureEvidence(json));
  if (evidence.tpm.event_log.empty()) evidence.tpm.event_log = request.event_log;
  const Bytes nonce = NonceFor(request, evidence.tpm);
  const tee::tpm::AzurePolicy policy = AzurePolicyOf(request);
  if (format == EvidenceFormat::kAzureSnpEvidence) {
    VerifyAzureSnp(evidence, SnpTrustOf(request), request.snp_policy, nonce, policy, request.now,
                   appraisal);
  } else {
    appraisal->tee = tee::TeeKind::kTdx;
    const auto collateral = tee::tdx::ParseCollateral(
        ChooseTdxCollateral(evidence.td_quote, request.collateral, request.now));
    if (!collateral.ok()) {
      appraisal->AddError(RefusalClass::kCollateralMissing, "collateral format",
                          "collateral of Intel's PCS", collateral.status());
      return absl::OkStatus();
    }
    VerifyAzureTdx(evidence, *collateral, TdxTrustOf(request), request.tdx_policy, nonce, policy,
                   request.now, appraisal);
  }
  SayWhatWasDemanded(request, appraisal);
  if (policy.paravisors.empty()) {
    appraisal->claims["azure.trust"] = "any paravisor: compare azure.paravisor, or use --paravisor";
  }
  return absl::OkStatus();
}

absl::Status VerifyAzureReport(ByteView bytes, const EvidenceRequest& request,
                               Appraisal* appraisal) {
  ASSIGN_OR_RETURN(const tee::tpm::HclReport report, tee::tpm::ParseHclReport(bytes));
  if (report.type != tee::tpm::HclReportType::kSnp) {
    appraisal->tee = tee::TeeKind::kTdx;
    appraisal->Add(RefusalClass::kUnsupported, "hardware report", false, "a signed report",
                   "a TDREPORT",
                   "only the machine that made a TDREPORT can check it; ask for its TD quote too");
    return absl::OkStatus();
  }
  tee::sev::SnpEvidence evidence{report.hardware_report, {}};
  ChooseLeaf(AmdLeaves(request.collateral), &evidence);
  const auto snp = tee::sev::VerifySnp(evidence, SnpTrustOf(request), request.snp_policy,
                                       request.now, appraisal);
  if (snp) CheckRuntimeData(report, snp->report_data, appraisal);
  return absl::OkStatus();
}

}  // namespace nacre::attestation
