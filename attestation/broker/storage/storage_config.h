// [storage] of kbs.toml: which database holds the broker's state, and which key seals it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "attestation/broker/storage/master_key.h"
#include "attestation/broker/storage/sql.h"
#include "base/status.h"
#include "base/toml.h"

namespace nacre::attestation {

struct StorageConfig {
  std::string kind = "sqlite";  // or "postgresql"
  std::string database;         // of sqlite: the file
  std::string url;              // of postgresql, see postgres.h
  std::string password_file;    // of postgresql; "": no password is sent
  uint64_t connections = 8;     // of postgresql
  uint64_t statement_timeout_ms = 10'000;
  std::string master_key;  // see master_key.h
  std::string folder;      // of kbs.toml: what relative paths above are taken from
};

// Takes the keys of the table. kInvalidArgument naming `where` and the key that is wrong, missing
// or does not belong to the kind.
absl::Status ReadStorageConfig(TableReader& table, const std::string& where,
                               const std::string& folder, StorageConfig* config);

absl::StatusOr<std::unique_ptr<sql::Database>> OpenDatabase(const StorageConfig& config);
absl::StatusOr<std::unique_ptr<MasterKey>> OpenMasterKey(const StorageConfig& config);

}  // namespace nacre::attestation
