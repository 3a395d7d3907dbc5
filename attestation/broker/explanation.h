// What the owner reads about one attestation or one refused resource: every check with what it
// expected and got. Kept in the broker's log; never sent to the guest, whose host could read it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "attestation/broker/ear.h"
#include "attestation/broker/store.h"
#include "attestation/verifier/appraiser.h"

namespace nacre::attestation {

// Where a request came from and when.
struct RequestOrigin {
  std::string id;    // correlation id
  std::string peer;  // "10.0.2.2:51234"
  int64_t time = 0;  // Unix seconds
};

// "launch measurement" -> "launch-measurement": the reason code of a failed check.
std::string ReasonCode(std::string_view check_name);

// The row of an appraised guest, affirmed or refused: by the first of its outcomes that is refused,
// or by the primary one, which is the first. `detail` is {"id","time","peer","kind":"attestation",
// "tee","emulated","root","reference","verdict","refusal","class","checks":[{"name","passed",
// "expected","got"}],"claims":{...},"additional":[...]}; "class" is the name of a RefusalClass, and
// "additional" has "tee" to "claims" of each of the other outcomes.
LogRow ExplainAppraisal(const RequestOrigin& origin, const std::vector<AppraisalOutcome>& outcomes);

// The row of a handshake refused before there was anything to appraise (a replayed nonce, evidence
// that does not parse).
LogRow ExplainRefusal(const RequestOrigin& origin, std::string_view tee, std::string_view code,
                      std::string_view summary);

// The row of a resource refused to an attested guest.
LogRow ExplainResourceRefusal(const RequestOrigin& origin, const EarSummary& guest,
                              std::string_view resource, std::string_view code,
                              std::string_view summary);

}  // namespace nacre::attestation
