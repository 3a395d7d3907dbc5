// What guests make the store write, at every attestation: the ledger of used nonces and the log.
// Both are bounded, and counting rows at each write would cost more than the write, so each is
// counted only as often as the bound can have been reached.
#include <algorithm>

#include "attestation/broker/store.h"
#include "base/strings.h"
#include "crypto/digest.h"

namespace nacre::attestation {
namespace {

// Other replicas fill the ledger too: none of them counts on more room than this at once.
constexpr int64_t kMaxNonceRoom = 1'000;

LogRow ReadLogRow(const sql::Rows& rows) {
  return {.id = rows.Text(0, 0),
          .time = rows.Number(0, 1),
          .refused = rows.Number(0, 2) != 0,
          .code = rows.Text(0, 3),
          .summary = rows.Text(0, 4),
          .detail = rows.Text(0, 5)};
}

}  // namespace

absl::Status Store::MakeRoomForNonces(int64_t now) {
  return database_->Write([&](sql::Connection& connection) -> absl::Status {
    RETURN_IF_ERROR(connection.Query("DELETE FROM nonces WHERE expires_at <= $1", {now}).status());
    ASSIGN_OR_RETURN(const sql::Rows rows, connection.Query("SELECT count(*) FROM nonces"));
    const int64_t room = limits_.max_nonces - rows.Number(0, 0);
    if (room <= 0) {
      return absl::ResourceExhaustedError(StrCat("more than ", limits_.max_nonces, " live nonces"));
    }
    nonce_room_ = std::min(room, kMaxNonceRoom);
    return absl::OkStatus();
  });
}

absl::Status Store::UseNonce(std::string_view nonce, int64_t expires_at, int64_t now) {
  const Bytes hash = crypto::Digest(crypto::HashAlgorithm::kSha256, AsBytes(nonce));
  if (nonce_room_.fetch_sub(1) <= 0) {
    RETURN_IF_ERROR(MakeRoomForNonces(now));
    nonce_room_.fetch_sub(1);
  }
  ASSIGN_OR_RETURN(const sql::Rows done,
                   database_->WriteOne("INSERT INTO nonces (hash, expires_at) VALUES ($1, $2) ON "
                                       "CONFLICT (hash) DO UPDATE SET expires_at = "
                                       "excluded.expires_at WHERE nonces.expires_at <= $3",
                                       {hash, expires_at, now}, sql::Sync::kLater));
  return done.changed > 0 ? absl::OkStatus() : absl::AlreadyExistsError("the nonce was used");
}

absl::Status Store::AppendLog(const LogRow& row) {
  const int64_t refused = row.refused ? 1 : 0;
  RETURN_IF_ERROR(
      database_
          ->WriteOne("INSERT INTO attestations (id, time, refused, code, summary, detail) VALUES "
                     "($1, $2, $3, $4, $5, $6)",
                     {row.id, row.time, refused, row.code, row.summary, row.detail})
          .status());
  const auto interval = static_cast<uint64_t>(std::max<int64_t>(1, limits_.max_log_rows / 16));
  if (++log_rows_[refused] % interval != 0) return absl::OkStatus();
  return TrimLog(refused);
}

// A flood of refusals pushes out only older refusals, never the record of who got a key.
absl::Status Store::TrimLog(int64_t refused) {
  return database_->Write([&](sql::Connection& connection) {
    return connection
        .Query(
            "DELETE FROM attestations WHERE refused = $1 AND sequence <= (SELECT sequence FROM "
            "attestations WHERE refused = $1 ORDER BY sequence DESC LIMIT 1 OFFSET $2)",
            {refused, limits_.max_log_rows})
        .status();
  });
}

absl::StatusOr<LogRow> Store::GetLog(std::string_view id) {
  ASSIGN_OR_RETURN(const sql::Rows rows,
                   database_->Query("SELECT id, time, refused, code, summary, detail FROM "
                                    "attestations WHERE id = $1",
                                    {id}));
  if (rows.empty()) return absl::NotFoundError(StrCat("no attestation ", id));
  return ReadLogRow(rows);
}

absl::StatusOr<LogRow> Store::LastLog() {
  ASSIGN_OR_RETURN(const sql::Rows rows,
                   database_->Query("SELECT id, time, refused, code, summary, detail FROM "
                                    "attestations ORDER BY sequence DESC LIMIT 1"));
  if (rows.empty()) return absl::NotFoundError("no attestation yet");
  return ReadLogRow(rows);
}

}  // namespace nacre::attestation
