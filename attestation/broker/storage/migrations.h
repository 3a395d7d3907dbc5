// The tables of the broker's database, as a list of steps that only grows.
#pragma once

#include <cstdint>

#include "attestation/broker/storage/sql.h"
#include "base/status.h"

namespace nacre::attestation {

// Runs the steps the database has not seen, all in one transaction with their entries in
// `migrations`; replicas that start at once wait for each other. kFailedPrecondition when the
// database knows a later step than this program, or was made before the first release.
absl::Status Migrate(sql::Database& database, int64_t now);

// Every table with what an owner would miss, in the order in which they may be filled, with its
// columns: what a backup holds. Nonces and counters of this schema itself are not among them.
struct TableShape {
  std::string_view name;
  std::string_view columns;  // "a, b, c"; `key` is the first unless `order` says otherwise
  std::string_view order;    // the unique column rows are read in
};
const std::vector<TableShape>& BackupTables();

// The latest step this program knows.
int64_t SchemaStep();

}  // namespace nacre::attestation
