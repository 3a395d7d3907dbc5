// Is a reply what a case expects?
#pragma once

#include <string>
#include <string_view>

#include "attestation/harness/case.h"

namespace nacre::attestation::harness {

struct JudgeOptions {
  bool peer_codes = false;  // any 4xx is as good as the one expected
  std::string secret{};     // must not be in any answer, "" when not known
};

// "" when it is, else what was got instead, as the end of a sentence. Whatever a case expects, a
// refusal must not be a failure of the broker's own (5xx), must be short, and must not tell what
// the broker expected: see LeakIn.
std::string Judge(const Expected& expected, const Reply& reply, const JudgeOptions& options);

// The first run of 64 or more hex digits or base64 characters in a refusal's body that was not in
// the request: a measurement, a report data, a key. Who is refused must not learn what would pass.
std::string_view LeakIn(std::string_view body, std::string_view request);

}  // namespace nacre::attestation::harness
