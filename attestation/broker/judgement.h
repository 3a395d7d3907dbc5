// What the attestation policy says of verified evidence. The typed checks (attestation/verifier)
// come first and have the last word on what they know: evidence that is not genuine never comes
// here, and no policy makes an emulator's hardware real.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "attestation/broker/broker_policy.h"
#include "attestation/protocol/messages.h"
#include "attestation/verifier/appraiser.h"
#include "base/json.h"
#include "base/status.h"

namespace nacre::attestation {

enum class EarStatus { kNone, kAffirming, kWarning, kContraindicated };
std::string_view EarStatusName(EarStatus status);
// The tier of one claim of a trustworthiness vector.
EarStatus EarTier(int64_t claim);
// The worst of a vector of integers, but for one name.
EarStatus WorstOf(const Json& vector, std::string_view except = {});

struct Judgement {
  AppraisalOutcome outcome;  // genuine
  Json evidence;             // the policy's input, and the token's "annotated evidence"
  TrustClaims trust;
  std::string policy;  // its name

  EarStatus status() const { return WorstOf(trust.vector); }
  // Nothing is short of affirming, unless it is an emulator's hardware.
  bool affirmed() const;
};

// What the evidence is bound to, for the policy and the token.
struct Bound {
  Json runtime_data;                     // "runtime_data_claims"; null: none
  std::optional<std::string> init_data;  // the document
};

// `outcome` is genuine. One whose launch no document knows, but whose executables the policy
// affirms, is affirmed from here on. Errors are the policy's.
absl::StatusOr<Judgement> Judge(AppraisalOutcome outcome, const Bound& bound,
                                const BrokerPolicy& policy, const ReferenceQuery& references);
// The same of all the evidence of a handshake, the primary first.
absl::StatusOr<std::vector<Judgement>> JudgeAll(std::vector<AppraisalOutcome> outcomes,
                                                const Attestation& attestation,
                                                const BrokerPolicy& policy,
                                                const ReferenceQuery& references);

// What relying parties and policies read of initdata: the entries of [data] by their names, with
// "*.toml" taken apart into JSON and "policy.rego" replaced by "agent_policy_claims", the JSON that
// follows "policy_data :=" in it. Null when the document is none.
Json InitDataClaims(std::string_view document);

}  // namespace nacre::attestation
