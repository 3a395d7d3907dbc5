#include "attestation/verifier/verify_evidence.h"

#include "attestation/verifier/verify_event_log.h"
#include "attestation/verifier/verify_snp_evidence.h"
#include "attestation/verifier/verify_tdx_evidence.h"
#include "attestation/verifier/verify_tpm_evidence.h"
#include "base/strings.h"

namespace nacre::attestation {
namespace {

using tee::Appraisal;
using tee::RefusalClass;

void RefuseKind(RefusalClass refusal_class, EvidenceFormat format, std::string_view why,
                Appraisal* appraisal) {
  appraisal->Add(refusal_class, "evidence kind", false,
                 "evidence that a verifier elsewhere can check", EvidenceFormatTitle(format), why);
}

absl::Status VerifySnpFile(EvidenceFormat format, ByteView bytes, const EvidenceRequest& request,
                           Appraisal* appraisal) {
  ASSIGN_OR_RETURN(tee::sev::SnpEvidence evidence, ReadSnpEvidence(format, bytes));
  VerifySnpEvidence(std::move(evidence), request, appraisal);
  return absl::OkStatus();
}

// A TPMS_ATTEST with its other parts from elsewhere.
tee::tpm::TpmEvidence BareQuote(ByteView attest, const EvidenceRequest& request) {
  constexpr size_t kPcrSize = 32;
  tee::tpm::TpmEvidence out;
  out.attest = ToBytes(attest);
  out.signature = request.tpm_signature;
  for (size_t i = 0; (i + 1) * kPcrSize <= request.pcrs.size(); ++i) {
    out.pcrs[tee::tpm::Bank::kSha256][static_cast<uint32_t>(i)] =
        ToBytes(ByteView(request.pcrs).subspan(i * kPcrSize, kPcrSize));
  }
  return out;
}

absl::Status VerifyTpmFile(std::string_view json, const EvidenceRequest& request,
                           Appraisal* appraisal) {
  ASSIGN_OR_RETURN(const tee::tpm::TpmEvidence evidence, ReadTpmEvidence(json));
  VerifyTpmEvidence(evidence, request, appraisal);
  return absl::OkStatus();
}

absl::Status VerifyAs(EvidenceFormat format, ByteView bytes, const EvidenceRequest& request,
                      Appraisal* appraisal) {
  switch (format) {
    case EvidenceFormat::kSnpReport:
    case EvidenceFormat::kSnpExtendedReport:
    case EvidenceFormat::kSnpEvidence:
      return VerifySnpFile(format, bytes, request, appraisal);
    case EvidenceFormat::kTdxQuote:
      VerifyTdxQuote(bytes, request.event_log, request, appraisal);
      return absl::OkStatus();
    case EvidenceFormat::kTdxEvidence:
      return VerifyTdxEvidence(AsText(bytes), request, appraisal);
    case EvidenceFormat::kEventLog:
      ShowEventLog(bytes, appraisal);
      return absl::OkStatus();
    case EvidenceFormat::kTdReport:
      appraisal->tee = tee::TeeKind::kTdx;
      RefuseKind(RefusalClass::kUnsupported, format,
                 "only the machine that made a TDREPORT can check it; ask it for a quote",
                 appraisal);
      return absl::OkStatus();
    case EvidenceFormat::kSgxQuote:
      appraisal->tee = tee::TeeKind::kTdx;
      RefuseKind(RefusalClass::kTypeMismatch, format,
                 "it is about an SGX enclave, not about a trust domain", appraisal);
      return absl::OkStatus();
    case EvidenceFormat::kTpmQuote:
      VerifyTpmEvidence(BareQuote(bytes, request), request, appraisal);
      return absl::OkStatus();
    case EvidenceFormat::kTpmEvidence:
      return VerifyTpmFile(AsText(bytes), request, appraisal);
    case EvidenceFormat::kAzureReport:
      return VerifyAzureReport(bytes, request, appraisal);
    case EvidenceFormat::kAzureSnpEvidence:
    case EvidenceFormat::kAzureTdxEvidence:
      return VerifyAzureEvidence(format, AsText(bytes), request, appraisal);
  }
  return absl::InternalError("a format without a verifier");
}

}  // namespace

absl::StatusOr<EvidenceVerdict> VerifyEvidence(ByteView bytes, const EvidenceRequest& request) {
  EvidenceVerdict verdict;
  ASSIGN_OR_RETURN(verdict.format, DetectEvidence(bytes));
  verdict.size = bytes.size();
  RETURN_IF_ERROR(VerifyAs(verdict.format, bytes, request, &verdict.appraisal),
                  EvidenceFormatTitle(verdict.format));
  return verdict;
}

}  // namespace nacre::attestation
