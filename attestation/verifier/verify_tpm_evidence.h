// TPM quotes and Azure's chain over them, for verify_evidence.
#pragma once

#include <string_view>

#include "attestation/verifier/verify_evidence.h"
#include "tee/tpm/verify.h"

namespace nacre::attestation {

// A TPM quote as JSON: our own document (tee/tpm/evidence_json.h), or CoCo's
// {"tpm_quote": {"message": base64, "signature": base64, "pcrs": [hex of SHA-256, PCR 0 first]}}.
absl::StatusOr<tee::tpm::TpmEvidence> ReadTpmEvidence(std::string_view json);

// With request.attestation_key: a key that arrives with the evidence is never trusted.
void VerifyTpmEvidence(const tee::tpm::TpmEvidence& evidence, const EvidenceRequest& request,
                       tee::Appraisal* appraisal);

absl::Status VerifyAzureEvidence(EvidenceFormat format, std::string_view json,
                                 const EvidenceRequest& request, tee::Appraisal* appraisal);

// An HCL report alone: the SNP report in it, and that it vouches for the runtime data.
absl::Status VerifyAzureReport(ByteView bytes, const EvidenceRequest& request,
                               tee::Appraisal* appraisal);

}  // namespace nacre::attestation
