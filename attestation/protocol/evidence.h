// Evidence of any kind, typed, as it stands in a message of the broker protocol.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "attestation/protocol/evidence_kind.h"
#include "attestation/protocol/sample_evidence.h"
#include "attestation/protocol/snp_evidence.h"
#include "attestation/protocol/tdx_evidence.h"
#include "attestation/protocol/tpm_evidence.h"
#include "tee/common/evidence.h"

namespace nacre::attestation {

struct EvidenceMessage {
  EvidenceKind kind = EvidenceKind::kSnp;
  // The type that belongs to `kind`; both of Azure's kinds have AzureEvidence.
  std::variant<SnpEvidenceMessage, TdxEvidenceMessage, tee::tpm::AzureEvidence, TpmEvidenceMessage,
               SampleEvidence>
      body;
};

absl::StatusOr<EvidenceMessage> EvidenceFromJson(EvidenceKind kind, const Json& json);
absl::StatusOr<Json> EvidenceToJson(const EvidenceMessage& message);

// What a guest's evidence source gave. `hint` goes into SNP evidence. kInvalidArgument when it is
// not what its kind says.
absl::StatusOr<EvidenceMessage> EvidenceFromSource(const tee::Evidence& evidence,
                                                   const std::optional<LaunchHint>& hint);

// "additional_evidence" of an Attestation: "" or the text of {"<kind>": evidence, ...}, in the
// order of the kinds' names. kInvalidArgument for a kind we do not verify: what is sent is
// appraised or refused, never passed over.
absl::StatusOr<std::vector<EvidenceMessage>> ParseAdditionalEvidence(std::string_view text);
absl::StatusOr<std::string> SerializeAdditionalEvidence(
    const std::vector<EvidenceMessage>& evidence);

}  // namespace nacre::attestation
