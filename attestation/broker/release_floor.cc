#include "attestation/broker/release_floor.h"

namespace nacre::attestation {
namespace {

FloorDecision Allow() {
  FloorDecision decision;
  decision.allowed = true;
  return decision;
}

}  // namespace

FloorDecision CheckFloor(const EarSummary& guest, const ReleaseFloor& floor) {
  if (guest.emulated && !floor.allow_emulated) {
    return {.allowed = false,
            .code = "emulated-not-allowed",
            .summary =
                "resource refused: the guest's hardware is emulated, and [policy] "
                "allow_emulated is not true"};
  }
  if (!floor.require_affirming) return Allow();
  // Of an emulator's claims those beside the hardware count; all of them where the token's vector
  // and its flag disagree.
  if (guest.status == EarStatus::kAffirming && !guest.emulated) return Allow();
  if (guest.emulated && guest.status_but_hardware == EarStatus::kAffirming) return Allow();
  return {.allowed = false,
          .code = "not-affirming",
          .summary = "resource refused: the guest's status is " +
                     std::string(EarStatusName(guest.status)) + ", expected affirming"};
}

}  // namespace nacre::attestation
