#include "attestation/verifier/verify_evidence.h"

#include "attestation/verifier/verify_event_log.h"
#include "attestation/verifier/verify_snp_evidence.h"
#include "attestation/verifier/verify_tdx_evidence.h"
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
    default:
      RefuseKind(RefusalClass::kUnsupported, format, "this version does not verify it", appraisal);
      return absl::OkStatus();
  }
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
