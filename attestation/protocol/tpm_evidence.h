// Evidence whose freshness comes from a TPM's quote: "tpm", and Azure's "az-snp-vtpm" and
// "az-tdx-vtpm". Peers send the 24 PCRs of the SHA-256 bank, in order, and RSASSA signatures.
#pragma once

#include "attestation/protocol/evidence_kind.h"
#include "base/json.h"
#include "base/status.h"
#include "tee/tpm/azure.h"
#include "tee/tpm/verify.h"

namespace nacre::attestation {

struct TpmEvidenceMessage {
  tee::tpm::TpmEvidence evidence;
  // SubjectPublicKeyInfo, DER: only finds the key among those a verifier trusts already.
  Bytes ak_public;
};

// {"tpm_quote": {"signature": base64 of a TPMT_SIGNATURE, "message": base64 of a TPMS_ATTEST,
// "pcrs": [24 x hex]}, "ak_public": base64, "event_log": base64}. The log is an addition of ours
// and left out when there is none; peers skip it. kInvalidArgument when a PCR is missing.
absl::StatusOr<Json> TpmEvidenceToJson(const TpmEvidenceMessage& message);
// kInvalidArgument naming the member.
absl::StatusOr<TpmEvidenceMessage> TpmEvidenceFromJson(const Json& json);

// `kind` is one of Azure's. Written in version 1 of the form: {"version", "tpm_quote":
// {"signature": hex, "message": hex, "pcrs": [24 x hex]}, "hcl_report": base64url, and "vcek" or
// "td_quote": base64url}. kInvalidArgument for what the form cannot say.
absl::StatusOr<Json> AzureEvidenceToJson(EvidenceKind kind,
                                         const tee::tpm::AzureEvidence& evidence);
// All versions of the form. kInvalidArgument, also for evidence of the other kind.
absl::StatusOr<tee::tpm::AzureEvidence> AzureEvidenceFromJson(EvidenceKind kind, const Json& json);

}  // namespace nacre::attestation
