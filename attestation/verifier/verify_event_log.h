// A measured-boot event log without the quote it belongs to: it can be read and replayed, never
// verified.
#pragma once

#include "base/bytes.h"
#include "tee/common/appraisal.h"

namespace nacre::attestation {

// Adds the checks a log can pass by itself, the register values it leads to as claims ("rtmr0",
// "sha256.pcr7"), and always a refusal.
void ShowEventLog(ByteView log, tee::Appraisal* appraisal);

}  // namespace nacre::attestation
