// One SQLite file: WAL journal, synchronous=FULL (an answered write survives a power cut), made
// with mode 0600. Within a process the writers queue; between processes SQLite's lock decides.
#pragma once

#include <memory>
#include <string>

#include "attestation/broker/storage/sql.h"

namespace nacre::attestation::sql {

// Opens or makes the file. Errors are one line and name it: kDataLoss it is not a database or is
// damaged, kNotFound no such folder, kPermissionDenied.
absl::StatusOr<std::unique_ptr<Database>> OpenSqlite(const std::string& path);

}  // namespace nacre::attestation::sql
