// Backups of a store, and their way into an empty one, of the same engine or the other.
#pragma once

#include <cstdint>
#include <string>

#include "attestation/broker/storage/audit.h"
#include "attestation/broker/storage/master_key.h"
#include "attestation/broker/storage/sql.h"

namespace nacre::attestation {

struct BackupSummary {
  int64_t rows = 0;
  int64_t made_at = 0;
};

// All of one moment, while others go on writing. `path` appears when it is complete, with mode
// 0600. Used nonces are left out: a restored store has no sessions they could belong to.
absl::StatusOr<BackupSummary> BackUp(sql::Database& database, MasterKey& master,
                                     const std::string& path, int64_t now);

// Into a database that holds nothing yet (kFailedPrecondition otherwise), all or nothing. Its
// secrets are then under `master`; `backup_master` is what the backup was made under, and may be
// the same. Session keys are not taken over. The audit log is verified, and tells of the restoring.
absl::StatusOr<BackupSummary> Restore(sql::Database& database, MasterKey& master,
                                      MasterKey& backup_master, const std::string& path,
                                      const Change& change);

}  // namespace nacre::attestation
