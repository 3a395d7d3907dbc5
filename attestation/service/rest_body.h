// The body of POST /attestation; see rest.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "attestation/service/evaluate.h"
#include "base/status.h"

namespace nacre::attestation {

struct EvaluationBody {
  std::vector<VerificationRequest> requests;
  std::vector<std::string> policy_ids;
};

// kInvalidArgument naming the member that is missing or of another type.
absl::StatusOr<EvaluationBody> ReadEvaluationBody(std::string_view text);

}  // namespace nacre::attestation
