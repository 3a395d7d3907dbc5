// The "tdx" evidence of the broker protocol: the quote as its bytes, and the firmware's log of what
// went into the RTMRs.
#pragma once

#include "base/json.h"
#include "base/status.h"

namespace nacre::attestation {

struct TdxEvidenceMessage {
  Bytes quote;
  Bytes event_log;  // CCEL, with the attestation agent's records behind it; empty: none
};

// {"quote": base64, "cc_eventlog": null | base64}
Json TdxEvidenceToJson(const TdxEvidenceMessage& message);

// kInvalidArgument naming the member. Members we do not know are skipped.
absl::StatusOr<TdxEvidenceMessage> TdxEvidenceFromJson(const Json& json);

}  // namespace nacre::attestation
