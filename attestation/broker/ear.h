// What a guest gets for good evidence: an EAR ("EAT attestation result", draft-ietf-rats-ear) as
// claims of a JWT, shaped as peers' brokers shape theirs, so that their relying parties read it.
//
// The trustworthiness vector uses AR4SI's numbers: 2..31 affirming, 32..95 warning, 96..127
// contraindicated, 0 nothing claimed. The status is the worst of the vector, which the attestation
// policy gives (judgement.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "attestation/broker/judgement.h"
#include "attestation/protocol/messages.h"
#include "base/json.h"
#include "base/status.h"

namespace nacre::attestation {

struct EarInputs {
  std::string id;  // correlation id of the attestation: the token's "jti"
  std::string issuer;
  int64_t issued_at = 0;
  int64_t expires_at = 0;
  // Of the primary evidence first, then of what came beside it.
  const std::vector<Judgement>& judgements;
};
// One submodule for each judgement: "cpu0", "cpu1", ...
// As a text of JSON.
absl::StatusOr<std::string> BuildEar(const EarInputs& inputs);

// What the broker needs of a token's claims when it is asked for a resource.
struct EarSummary {
  std::string id;
  std::string tee;                                   // of the primary evidence
  bool emulated = false;                             // any of the evidence
  EarStatus status = EarStatus::kNone;               // the worst of all
  EarStatus status_but_hardware = EarStatus::kNone;  // the worst of the other claims
  std::string reference;  // reference value that the primary evidence matched
  Json tee_pubkey;        // JWK
};
// kInvalidArgument when the claims are not of BuildEar's shape; nothing is assumed.
absl::StatusOr<EarSummary> ReadEar(const Json& claims);
// The same of another attestation service's token, which may lack what only ours say: the status is
// the worst of its submodules' "ear.status" and vectors, the guest's key stands where peers put it,
// and evidence of the kinds "sample" and "sampledevice" counts as emulated.
absl::StatusOr<EarSummary> ReadForeignEar(const Json& claims);

}  // namespace nacre::attestation
