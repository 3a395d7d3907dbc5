// The tables of the broker's database, as a list of steps that only grows.
#pragma once

#include "attestation/broker/database.h"
#include "base/status.h"

namespace nacre::attestation {

// Runs the steps this file has not seen, each in one transaction with its entry in `migrations`.
// kFailedPrecondition when the file knows a later step than this program.
absl::Status Migrate(Database& database, int64_t now);

}  // namespace nacre::attestation
