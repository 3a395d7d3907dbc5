// PostgreSQL through libpq: for several replicas over one database.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "attestation/broker/storage/sql.h"
#include "base/secret_bytes.h"

namespace nacre::attestation::sql {

struct PostgresOptions {
  // "postgresql://kbs@db.example/kbs?sslrootcert=/etc/ca.pem" or "host=... dbname=...": what libpq
  // takes. A password in it is refused (kbs.toml is no place for one). Over TCP the server's
  // certificate is checked (sslmode=verify-full) unless `sslmode` asks for verify-ca, require or
  // disable by name; allow and prefer, which fall back to plain text unseen, are refused.
  std::string url;
  SecretBytes password = {};  // empty: none is sent
  size_t max_connections = 8;
  uint64_t statement_timeout_ms = 10'000;
  uint64_t connect_timeout_s = 5;
};

// Connects once. kInvalidArgument for a url as above or one that libpq does not understand,
// kPermissionDenied when the server does not let us in, kUnavailable when it cannot be reached.
absl::StatusOr<std::unique_ptr<Database>> OpenPostgres(PostgresOptions options);

}  // namespace nacre::attestation::sql
