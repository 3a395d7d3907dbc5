// Whether the store holds what its audit log says was put there.
#pragma once

#include "attestation/broker/storage/sql.h"
#include "base/status.h"

namespace nacre::attestation {

// Policies and reference values by their digests, resources by their paths (their contents are
// sealed). For a log that was verified, in the same transaction. kDataLoss naming the first that
// was changed, added or taken away behind the log's back.
absl::Status CheckStateAgainstAudit(sql::Connection& connection);

}  // namespace nacre::attestation
