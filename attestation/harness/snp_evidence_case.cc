#include "attestation/harness/snp_evidence_case.h"

#include <utility>

#include "attestation/harness/case_steps.h"
#include "attestation/protocol/binding.h"
#include "attestation/protocol/snp_evidence.h"

namespace nacre::attestation::harness {

Case SnpEvidenceCase(std::string name, std::string what, SnpEvidenceChange change) {
  auto steps = [change = std::move(change)](Lab& lab) -> absl::StatusOr<Reply> {
    ASSIGN_OR_RETURN(GuestSession session, lab.Begin("snp"));
    ASSIGN_OR_RETURN(const tee::ReportData report_data,
                     BindReportData(session.nonce, lab.key().jwk, ""));
    ASSIGN_OR_RETURN(tee::sev::SnpEvidence evidence, lab.snp().Sign(report_data));
    RETURN_IF_ERROR(change(lab, evidence));
    ASSIGN_OR_RETURN(Json json,
                     SnpEvidenceToJson({.evidence = std::move(evidence), .hint = std::nullopt}));
    ASSIGN_OR_RETURN(Json attestation, lab.With(session, std::move(json), lab.snp().init_data()));
    return lab.Attest(session, attestation);
  };
  return {.name = std::move(name),
          .what = std::move(what),
          .needs = {Need::kSnp},
          .steps = std::move(steps),
          .expected = NotBelieved()};
}

}  // namespace nacre::attestation::harness
