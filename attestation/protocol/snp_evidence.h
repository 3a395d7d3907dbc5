// The "snp" evidence of the broker protocol: the attestation report taken apart into JSON numbers
// and byte arrays, with the certificates that vouch for it. Whoever verifies it puts the 1184 bytes
// together again, since the signature is over bytes.
//
// Reserved bytes of the report do not travel: they come back as zeros, which is what firmware
// writes. A report with others does not verify after the journey, and is refused.
#pragma once

#include <optional>

#include "attestation/protocol/launch_hint.h"
#include "base/json.h"
#include "base/status.h"
#include "tee/sev/verify.h"

namespace nacre::attestation {

struct SnpEvidenceMessage {
  tee::sev::SnpEvidence evidence;
  std::optional<LaunchHint> hint;  // an addition of ours ("launch_hint"); peers skip it
};

// {"attestation_report": {...}, "cert_chain": null | [{"cert_type", "data"}], "launch_hint": ...}.
// kInvalidArgument when the report does not parse.
absl::StatusOr<Json> SnpEvidenceToJson(const SnpEvidenceMessage& message);

// kInvalidArgument naming the member: missing, of the wrong type, a byte array of the wrong length,
// a number that does not fit its field, or more than limits.h allows. Certificates of a kind this
// version does not know are left out.
absl::StatusOr<SnpEvidenceMessage> SnpEvidenceFromJson(const Json& json);

}  // namespace nacre::attestation
