// Requests that guests denied to their hosts: reported by the guests (attestation/protocol/
// denials.h), read by the owner. A report counts as the guest's own word and no more: whoever it
// is has attested, holds the key of its token, and meets the floor that resources have.
//
//   POST   /kbs/v0/denials                  {"stored": n}
//   GET    /kbs/v0/admin/denials[/<guest>]  ?after=N&limit=N; see AnswerDenials
//   DELETE /kbs/v0/admin/denials/<guest>
#pragma once

#include <optional>

#include "attestation/broker/answer.h"
#include "attestation/broker/context.h"
#include "attestation/broker/rate_limiter.h"

namespace nacre::attestation {

// `limiter` counts the reports of each guest, by its key.
Answer HandleReportDenials(BrokerContext& context, const Call& call, RateLimiter& limiter,
                           int64_t steady_ms);

// An administrator's call; nothing when the path is another. GET answers {"denials": [{"sequence",
// "guest", "id", "time", "request", "explanation", "attestation", "tee", "reference"}...], "next":
// N}, oldest first, where "next", when there are more, is the next call's `after`. It is in the
// audit log too: explanations hold values of requests.
std::optional<Answer> HandleDenialAdmin(BrokerContext& context, const Call& call,
                                        const Change& change);

}  // namespace nacre::attestation
