// May this attested guest have resources? Deny by default.
#pragma once

#include <string>

#include "attestation/broker/ear.h"

namespace nacre::attestation {

struct ReleaseDecision {
  bool allowed = false;
  std::string code;     // reason code when not: "emulated-not-allowed", "not-affirming"
  std::string summary;  // one sentence for the owner
};

// Allowed: a guest whose status is affirming; or, when the owner said `allow_emulated`, one on
// emulated hardware about which everything but the hardware is affirming.
ReleaseDecision DecideRelease(const EarSummary& guest, bool allow_emulated);

}  // namespace nacre::attestation
