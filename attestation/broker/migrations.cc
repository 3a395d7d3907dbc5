#include "attestation/broker/migrations.h"

#include <array>

namespace nacre::attestation {
namespace {

// Never edit a step that was released: add one.
constexpr std::array kSteps = {
    R"(CREATE TABLE settings (name TEXT PRIMARY KEY NOT NULL, value BLOB NOT NULL) STRICT;
       CREATE TABLE resources (path TEXT PRIMARY KEY NOT NULL, sealed BLOB NOT NULL,
                               changed_at INTEGER NOT NULL) STRICT;
       CREATE TABLE reference_values (name TEXT PRIMARY KEY NOT NULL, document TEXT NOT NULL,
                                      registered_at INTEGER NOT NULL) STRICT;
       CREATE TABLE nonces (hash BLOB PRIMARY KEY NOT NULL, expires_at INTEGER NOT NULL) STRICT,
                           WITHOUT ROWID;
       CREATE INDEX nonces_by_expiry ON nonces (expires_at);
       CREATE TABLE attestations (sequence INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL,
                                  time INTEGER NOT NULL, refused INTEGER NOT NULL,
                                  code TEXT NOT NULL, summary TEXT NOT NULL,
                                  detail TEXT NOT NULL) STRICT;
       CREATE INDEX attestations_by_outcome ON attestations (refused, sequence);)",
};

absl::StatusOr<int64_t> LastStep(Database& database) {
  ASSIGN_OR_RETURN(Statement query,
                   database.Prepare("SELECT coalesce(max(step), 0) FROM migrations"));
  ASSIGN_OR_RETURN(bool row, query.Step());
  return row ? query.Number(0) : 0;
}

absl::Status RunStep(Database& database, int64_t step, int64_t now) {
  ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(database));
  RETURN_IF_ERROR(database.Execute(kSteps[static_cast<size_t>(step - 1)]));
  {
    ASSIGN_OR_RETURN(Statement insert,
                     database.Prepare("INSERT INTO migrations (step, applied_at) VALUES (?, ?)"));
    RETURN_IF_ERROR(insert.Bind(step).Bind(now).Run());
  }
  return transaction.Commit();
}

}  // namespace

absl::Status Migrate(Database& database, int64_t now) {
  RETURN_IF_ERROR(
      database.Execute("CREATE TABLE IF NOT EXISTS migrations (step INTEGER PRIMARY KEY,"
                       " applied_at INTEGER NOT NULL) STRICT"));
  ASSIGN_OR_RETURN(int64_t last, LastStep(database));
  if (last > static_cast<int64_t>(kSteps.size())) {
    return absl::FailedPreconditionError("made by a newer program (step " + std::to_string(last) +
                                         ", this one knows " + std::to_string(kSteps.size()) + ")");
  }
  for (int64_t step = last + 1; step <= static_cast<int64_t>(kSteps.size()); ++step) {
    RETURN_IF_ERROR(RunStep(database, step, now), "migration step " + std::to_string(step));
  }
  return absl::OkStatus();
}

}  // namespace nacre::attestation
