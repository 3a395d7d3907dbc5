// What no resource policy can give away. A policy is changed over the network by whoever has the
// role for it; that secrets go to machines which only an emulator vouches for, or which the
// attestation policy did not affirm, is said on the broker's own disk, in kbs.toml, or not at all.
#pragma once

#include <string>

#include "attestation/broker/ear.h"

namespace nacre::attestation {

struct ReleaseFloor {
  bool allow_emulated = false;    // [policy] allow_emulated
  bool require_affirming = true;  // [policy] require_affirming
};

struct FloorDecision {
  bool allowed = false;
  std::string code;     // reason code when not: "emulated-not-allowed", "not-affirming"
  std::string summary;  // one sentence for the owner
};

// The resource policy is asked only when this allows. Of an emulated machine everything but the
// hardware has to be affirming.
FloorDecision CheckFloor(const EarSummary& guest, const ReleaseFloor& floor);

}  // namespace nacre::attestation
