// A broker's explanation of one attestation, for people.
#pragma once

#include <string>

#include "base/json.h"
#include "base/status.h"

namespace nacre::cli {

// From the JSON of GET /kbs/v0/admin/attestations/<id>. Lines: who and when, what vouched, each
// check (with expected and got where it failed); the last line is the verdict in one sentence,
// "accepted: ..." or "refused: ...". kInvalidArgument when the JSON is of another shape.
absl::StatusOr<std::string> FormatExplanation(const Json& explanation);

}  // namespace nacre::cli
