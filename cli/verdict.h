// How a verdict on evidence is shown: a table for people, a stable document for programs.
#pragma once

#include <cstdint>
#include <string>

#include "attestation/verifier/verify_evidence.h"

namespace nacre::cli {

// At most 100 columns, one fact a line. `color` adds terminal colours to the verdicts and nothing
// else. Text from the evidence is made printable.
std::string VerdictText(const attestation::EvidenceVerdict& verdict, int64_t now, bool color);

// Schema "nacre.verify/1", docs/reference/verify-json.md.
absl::StatusOr<std::string> VerdictJson(const attestation::EvidenceVerdict& verdict, int64_t now);
// The same schema for a file that is no evidence.
absl::StatusOr<std::string> UnreadableJson(const absl::Status& why, int64_t now);

}  // namespace nacre::cli
