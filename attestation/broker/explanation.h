// What the owner reads about one attestation or one refused resource: every check with what it
// expected and got. Kept in the broker's log; never sent to the guest, whose host could read it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "attestation/broker/ear.h"
#include "attestation/broker/store.h"

namespace nacre::attestation {

// Where a request came from and when.
struct RequestOrigin {
  std::string id;    // correlation id
  std::string peer;  // "10.0.2.2:51234"
  int64_t time = 0;  // Unix seconds
};

// "launch measurement" -> "launch-measurement": the reason code of a failed check.
std::string ReasonCode(std::string_view check_name);

// The row of evidence that is not genuine: of the first of `outcomes` that is not. `detail` is
// {"id","time","peer","kind":"attestation","tee","emulated","root","reference","verdict",
// "refusal","class","checks":[{"name","passed","expected","got"}],"claims":{...},
// "additional":[...]}; "class" is the name of a RefusalClass, and "additional" has "tee" to
// "claims" of each of the other outcomes.
LogRow ExplainForgery(const RequestOrigin& origin, const std::vector<AppraisalOutcome>& outcomes);

// The row of genuine evidence, accepted or refused: of the first judgement that is not affirmed, or
// of the primary one. `detail` as above, with "policy", "status" and "trust" (the vector). What is
// not affirmed is refused when `require_affirming`; `expired_references` then ends the sentence
// (reference_catalogue.h).
LogRow ExplainJudgements(const RequestOrigin& origin, const std::vector<Judgement>& judgements,
                         bool require_affirming, std::string_view expired_references = {});

// The row of a handshake refused before there was anything to appraise (a replayed nonce, evidence
// that does not parse).
LogRow ExplainRefusal(const RequestOrigin& origin, std::string_view tee, std::string_view code,
                      std::string_view summary);

// The row of a resource refused to an attested guest. `policy_trace` says where the resource policy
// failed.
LogRow ExplainResourceRefusal(const RequestOrigin& origin, const EarSummary& guest,
                              std::string_view resource, std::string_view code,
                              std::string_view summary, std::string_view policy_trace = {});

}  // namespace nacre::attestation
