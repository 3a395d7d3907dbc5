#include "attestation/broker/release_policy.h"

namespace nacre::attestation {
namespace {

ReleaseDecision Allow() {
  ReleaseDecision decision;
  decision.allowed = true;
  return decision;
}

}  // namespace

ReleaseDecision DecideRelease(const EarSummary& guest, bool allow_emulated) {
  // Both are asked for, so that a token whose vector and flag disagree is not enough.
  if (guest.status == EarStatus::kAffirming && !guest.emulated) return Allow();
  if (guest.emulated && !allow_emulated) {
    return {.allowed = false,
            .code = "emulated-not-allowed",
            .summary =
                "resource refused: the guest's hardware is emulated, and [policy] "
                "allow_emulated is not true"};
  }
  if (guest.emulated && guest.status_but_hardware == EarStatus::kAffirming) {
    return Allow();
  }
  return {.allowed = false,
          .code = "not-affirming",
          .summary = "resource refused: the guest's status is " +
                     std::string(EarStatusName(guest.status)) + ", expected affirming"};
}

}  // namespace nacre::attestation
