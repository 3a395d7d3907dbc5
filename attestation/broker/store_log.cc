// What guests make the store write, at every attestation: the ledger of used nonces and the log.
// Both are bounded, and counting rows at each write would cost more than the write, so each is
// counted only as often as the bound can have been reached.
#include <algorithm>
#include <memory>

#include "attestation/broker/store.h"
#include "base/strings.h"
#include "crypto/digest.h"

namespace nacre::attestation {
namespace {

// Other replicas fill the ledger too: none of them counts on more room than this at once.
constexpr int64_t kMaxNonceRoom = 1'000;

constexpr std::string_view kInsertRow =
    "INSERT INTO attestations (id, time, refused, code, summary, detail) VALUES ($1, $2, $3, $4, "
    "$5, $6)";

sql::Parameters RowParameters(const LogRow& row) {
  return {row.id, row.time, int64_t{row.refused ? 1 : 0}, row.code, row.summary, row.detail};
}

absl::Status InsertRow(sql::Connection& connection, const LogRow& row) {
  return connection.Query(kInsertRow, RowParameters(row)).status();
}

// Notes it as used when it was not.
absl::StatusOr<bool> IsReplayed(sql::Connection& connection, const Bytes& hash,
                                int64_t expires_at) {
  ASSIGN_OR_RETURN(const sql::Rows done,
                   connection.Query("INSERT INTO used_nonces (expires_at, hash) VALUES ($1, $2) ON "
                                    "CONFLICT (expires_at, hash) DO NOTHING",
                                    {expires_at, hash}));
  return done.changed == 0;
}

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
    RETURN_IF_ERROR(
        connection.Query("DELETE FROM used_nonces WHERE expires_at <= $1", {now}).status());
    ASSIGN_OR_RETURN(const sql::Rows rows, connection.Query("SELECT count(*) FROM used_nonces"));
    const int64_t room = limits_.max_nonces - rows.Number(0, 0);
    if (room <= 0) {
      return absl::ResourceExhaustedError(StrCat("more than ", limits_.max_nonces, " live nonces"));
    }
    nonce_room_ = std::min(room, kMaxNonceRoom);
    return absl::OkStatus();
  });
}

void Store::Record(std::optional<UsedNonce> nonce, LogRow row, int64_t now, Done done) {
  if (nonce && nonce_room_.fetch_sub(1) <= 0) {
    const absl::Status room = MakeRoomForNonces(now);
    if (!room.ok()) return done(room);
    nonce_room_.fetch_sub(1);
  }
  struct Entry {
    std::optional<Bytes> hash;
    int64_t expires_at = 0;
    LogRow row;
    bool replayed = false;
  };
  auto entry = std::make_shared<Entry>();
  if (nonce) {
    entry->hash = crypto::Digest(crypto::HashAlgorithm::kSha256, AsBytes(nonce->nonce));
    entry->expires_at = nonce->expires_at;
  }
  entry->row = std::move(row);
  commits_.Submit({.write = [entry](sql::Connection& connection) -> absl::Status {
                     entry->replayed = false;
                     if (entry->hash) {
                       ASSIGN_OR_RETURN(entry->replayed,
                                        IsReplayed(connection, *entry->hash, entry->expires_at));
                     }
                     return entry->replayed ? absl::OkStatus() : InsertRow(connection, entry->row);
                   },
                   .done =
                       [this, entry, done = std::move(done)](const absl::Status& written) {
                         if (!written.ok()) return done(written);
                         if (entry->replayed)
                           return done(absl::AlreadyExistsError("the nonce was used"));
                         done(CountLogRow(entry->row.refused ? 1 : 0));
                       }});
}

absl::Status Store::AppendLog(const LogRow& row) {
  RETURN_IF_ERROR(database_->WriteOne(kInsertRow, RowParameters(row)).status());
  return CountLogRow(row.refused ? 1 : 0);
}

absl::Status Store::CountLogRow(int64_t refused) {
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
