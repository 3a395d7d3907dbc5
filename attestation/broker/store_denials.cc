// What guests report of requests they denied. Guests make these rows, so three bounds hold: of one
// guest, of all, and of age; the oldest go first, and at each of them only rows of the same kind
// are lost. The text is sealed, since it holds values of requests, and bound to its guest and
// number.
#include "attestation/broker/store.h"
#include "base/json.h"
#include "base/strings.h"

namespace nacre::attestation {
namespace {

constexpr std::string_view kTable = "denials";

std::string IdOf(std::string_view guest, uint64_t number) { return StrCat(guest, "/", number); }

absl::StatusOr<StoredDenial> ReadDenial(sql::Queryable& connection, Sealer& sealer,
                                        const sql::Rows& rows, size_t row) {
  const std::string id = rows.Text(row, 1);
  ASSIGN_OR_RETURN(const SecretBytes record, sealer.Open(connection, kTable, id, rows.Blob(row, 4)),
                   StrCat("denial ", id));
  StoredDenial out{.sequence = rows.Number(row, 0),
                   .guest = rows.Text(row, 2),
                   .time = rows.Number(row, 3),
                   .record = std::string(AsText(record.view()))};
  if (!ParseNumber(std::string_view(id).substr(id.rfind('/') + 1), &out.number)) {
    return absl::DataLossError(StrCat("denial ", id, " has no number"));
  }
  return out;
}

}  // namespace

absl::Status Store::TrimDenials(sql::Connection& connection, std::string_view guest, int64_t now) {
  RETURN_IF_ERROR(
      connection.Query("DELETE FROM denials WHERE time <= $1", {now - limits_.denial_lifetime_s})
          .status());
  RETURN_IF_ERROR(
      connection
          .Query("DELETE FROM denials WHERE guest = $1 AND sequence <= (SELECT sequence "
                 "FROM denials WHERE guest = $1 ORDER BY sequence DESC LIMIT 1 OFFSET "
                 "$2)",
                 {guest, limits_.max_denials_of_guest})
          .status());
  return connection
      .Query(
          "DELETE FROM denials WHERE sequence <= (SELECT sequence FROM denials ORDER BY sequence "
          "DESC LIMIT 1 OFFSET $1)",
          {limits_.max_denials})
      .status();
}

absl::StatusOr<int64_t> Store::PutDenials(std::string_view guest,
                                          const std::vector<NewDenial>& denials, int64_t now) {
  int64_t stored = 0;
  const absl::Status done = database_->Write([&](sql::Connection& connection) -> absl::Status {
    stored = 0;
    // The head of the audit log is what everybody waits at who seals: no change of the data key
    // comes between.
    RETURN_IF_ERROR(
        connection.Query("UPDATE audit_head SET sequence = sequence WHERE id = 1").status());
    for (const NewDenial& denial : denials) {
      const std::string id = IdOf(guest, denial.number);
      ASSIGN_OR_RETURN(const Bytes sealed,
                       sealer_.Seal(connection, kTable, id, AsBytes(denial.record)));
      ASSIGN_OR_RETURN(const sql::Rows added,
                       connection.Query("INSERT INTO denials (id, guest, time, sealed) VALUES ($1, "
                                        "$2, $3, $4) ON CONFLICT (id) DO NOTHING",
                                        {id, guest, now, sealed}));
      stored += added.changed;
    }
    return TrimDenials(connection, guest, now);
  });
  if (!done.ok()) return done;
  return stored;
}

absl::StatusOr<std::vector<StoredDenial>> Store::ListDenials(std::string_view guest, int64_t after,
                                                             int64_t limit, int64_t now) {
  const int64_t since = now - limits_.denial_lifetime_s;
  const absl::StatusOr<sql::Rows> rows =
      guest.empty() ? database_->Query(
                          "SELECT sequence, id, guest, time, sealed FROM denials WHERE sequence "
                          "> $1 AND time > $2 ORDER BY sequence LIMIT $3",
                          {after, since, limit})
                    : database_->Query(
                          "SELECT sequence, id, guest, time, sealed FROM denials WHERE sequence "
                          "> $1 AND time > $2 AND guest = $4 ORDER BY sequence LIMIT $3",
                          {after, since, limit, guest});
  RETURN_IF_ERROR(rows.status());
  std::vector<StoredDenial> out;
  for (size_t i = 0; i < rows->size(); ++i) {
    ASSIGN_OR_RETURN(StoredDenial denial, ReadDenial(*database_, sealer_, *rows, i));
    out.push_back(std::move(denial));
  }
  return out;
}

absl::Status Store::DeleteDenials(std::string_view guest, const Change& change) {
  return WriteChange([&](sql::Connection& connection) -> absl::Status {
    RETURN_IF_ERROR(audit_.Append(connection, change, "denials-deleted", guest, "{}"));
    ASSIGN_OR_RETURN(const sql::Rows done,
                     connection.Query("DELETE FROM denials WHERE guest = $1", {guest}));
    return done.changed > 0 ? absl::OkStatus()
                            : absl::NotFoundError(StrCat("no denials of guest ", guest));
  });
}

}  // namespace nacre::attestation
