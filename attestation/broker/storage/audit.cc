#include "attestation/broker/storage/audit.h"

#include <algorithm>

#include "base/strings.h"
#include "crypto/digest.h"
#include "crypto/hmac.h"
#include "crypto/random.h"

namespace nacre::attestation {
namespace {

constexpr std::string_view kKeyId = "audit";
constexpr size_t kKeySize = 32;
constexpr size_t kDigestSize = 32;
constexpr int64_t kPage = 500;
constexpr int64_t kNever = 253'402'300'799;  // the end of the year 9999

void PutText(ByteWriter& out, std::string_view text) {
  out.U32Be(static_cast<uint32_t>(text.size())).Put(text);
}

absl::Status Tampered(std::string_view what) {
  return absl::DataLossError(StrCat("audit log: ", what));
}

AuditEntry ReadEntry(const sql::Rows& rows, size_t row) {
  return {.sequence = rows.Number(row, 0),
          .change = {.actor = rows.Text(row, 2),
                     .peer = rows.Text(row, 3),
                     .request = rows.Text(row, 4),
                     .time = rows.Number(row, 1)},
          .action = rows.Text(row, 5),
          .object = rows.Text(row, 6),
          .detail = rows.Text(row, 7),
          .digest = ToBytes(rows.Blob(row, 8))};
}

absl::Status InsertEntry(sql::Connection& connection, const AuditEntry& entry) {
  return connection
      .Query(
          "INSERT INTO audit (sequence, time, actor, peer, request, action, object, detail, "
          "digest) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
          {entry.sequence, entry.change.time, entry.change.actor, entry.change.peer,
           entry.change.request, entry.action, entry.object, entry.detail, entry.digest})
      .status();
}

}  // namespace

Bytes AuditDigest(ByteView previous, const AuditEntry& entry) {
  ByteWriter out;
  out.Put(previous).U64Be(static_cast<uint64_t>(entry.sequence));
  out.U64Be(static_cast<uint64_t>(entry.change.time));
  for (const std::string* text : {&entry.change.actor, &entry.change.peer, &entry.change.request,
                                  &entry.action, &entry.object, &entry.detail}) {
    PutText(out, *text);
  }
  return crypto::Digest(crypto::HashAlgorithm::kSha256, out.bytes());
}

absl::StatusOr<SecretBytes> AuditLog::Key(sql::Connection& connection) {
  {
    std::lock_guard lock(mutex_);
    if (!key_.empty()) return key_.Clone();
  }
  ASSIGN_OR_RETURN(const sql::Rows rows,
                   connection.Query("SELECT sealed FROM service_keys WHERE id = $1", {kKeyId}));
  if (rows.empty()) return Tampered("its signing key is missing");
  ASSIGN_OR_RETURN(SecretBytes key,
                   sealer_->Open(connection, "service_keys", kKeyId, rows.Blob(0, 0)), "audit key");
  std::lock_guard lock(mutex_);
  key_ = key.Clone();
  return key;
}

absl::StatusOr<Bytes> AuditLog::Sign(sql::Connection& connection, const AuditHead& head) {
  ASSIGN_OR_RETURN(const SecretBytes key, Key(connection));
  ByteWriter out;
  out.Put("nacre-kbs audit head v1:").U64Be(static_cast<uint64_t>(head.sequence));
  out.Put(ByteView(head.digest));
  return crypto::Hmac(crypto::HashAlgorithm::kSha256, key.view(), out.bytes());
}

absl::Status AuditLog::CheckHead(sql::Connection& connection, const AuditHead& head, ByteView mac) {
  ASSIGN_OR_RETURN(const Bytes expected, Sign(connection, head));
  if (!ConstantTimeEqual(expected, mac)) {
    return Tampered("its head is not what this store signed; see nacre-kbs audit verify");
  }
  std::lock_guard lock(mutex_);
  if (head.sequence < seen_) {
    return Tampered(StrCat("it ends at entry ", head.sequence, " and has ended at ", seen_,
                           ": an older database was put back"));
  }
  return absl::OkStatus();
}

absl::Status AuditLog::Load(sql::Database& database, int64_t now) {
  return database.Write([&](sql::Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(const Bytes sealed, sealer_->Seal(connection, "service_keys", kKeyId,
                                                       crypto::RandomSecret(kKeySize).view()));
    // Of two replicas that start on an empty database one makes the key.
    ASSIGN_OR_RETURN(const sql::Rows made,
                     connection.Query("INSERT INTO service_keys (id, purpose, sealed, made_at, "
                                      "active_from, expires_at) VALUES ($1, 'audit', $2, $3, $3, "
                                      "$4) ON CONFLICT (id) DO NOTHING",
                                      {kKeyId, sealed, now, kNever}));
    if (made.changed == 1) {
      const AuditHead empty{.sequence = 0, .digest = Bytes(kDigestSize)};
      ASSIGN_OR_RETURN(const Bytes mac, Sign(connection, empty));
      return connection
          .Query("INSERT INTO audit_head (id, sequence, digest, mac) VALUES (1, 0, $1, $2)",
                 {empty.digest, mac})
          .status();
    }
    ASSIGN_OR_RETURN(const sql::Rows rows,
                     connection.Query("SELECT sequence, digest, mac FROM audit_head WHERE id = 1"));
    if (rows.empty()) return Tampered("its head is missing");
    return CheckHead(connection, {rows.Number(0, 0), ToBytes(rows.Blob(0, 1))}, rows.Blob(0, 2));
  });
}

absl::Status AuditLog::Append(sql::Connection& connection, const Change& change,
                              std::string_view action, std::string_view object,
                              std::string_view detail) {
  ASSIGN_OR_RETURN(const sql::Rows locked,
                   connection.Query("UPDATE audit_head SET sequence = sequence + 1 WHERE id = 1 "
                                    "RETURNING sequence, digest, mac"));
  if (locked.empty()) return Tampered("its head is missing");
  AuditHead head{.sequence = locked.Number(0, 0) - 1, .digest = ToBytes(locked.Blob(0, 1))};
  RETURN_IF_ERROR(CheckHead(connection, head, locked.Blob(0, 2)));
  AuditEntry entry{.sequence = head.sequence + 1,
                   .change = change,
                   .action = std::string(action),
                   .object = std::string(object),
                   .detail = std::string(detail),
                   .digest = {}};
  entry.digest = AuditDigest(head.digest, entry);
  RETURN_IF_ERROR(InsertEntry(connection, entry));
  ASSIGN_OR_RETURN(const Bytes mac, Sign(connection, {entry.sequence, entry.digest}));
  RETURN_IF_ERROR(
      connection
          .Query("UPDATE audit_head SET digest = $1, mac = $2 WHERE id = 1", {entry.digest, mac})
          .status());
  // The entry before this one is committed; this one is not yet.
  std::lock_guard lock(mutex_);
  seen_ = std::max(seen_, head.sequence);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<AuditEntry>> AuditLog::Entries(sql::Connection& connection,
                                                          int64_t after, int64_t limit) {
  ASSIGN_OR_RETURN(
      const sql::Rows rows,
      connection.Query("SELECT sequence, time, actor, peer, request, action, object, detail, "
                       "digest FROM audit WHERE sequence > $1 ORDER BY sequence LIMIT $2",
                       {after, limit}));
  std::vector<AuditEntry> entries;
  for (size_t i = 0; i < rows.size(); ++i) entries.push_back(ReadEntry(rows, i));
  return entries;
}

absl::StatusOr<AuditHead> AuditLog::Head(sql::Connection& connection) {
  ASSIGN_OR_RETURN(const sql::Rows rows,
                   connection.Query("SELECT sequence, digest FROM audit_head WHERE id = 1"));
  if (rows.empty()) return Tampered("its head is missing");
  return AuditHead{.sequence = rows.Number(0, 0), .digest = ToBytes(rows.Blob(0, 1))};
}

absl::StatusOr<AuditHead> AuditLog::Verify(sql::Connection& connection) {
  AuditHead at{.sequence = 0, .digest = Bytes(kDigestSize)};
  while (true) {
    ASSIGN_OR_RETURN(const std::vector<AuditEntry> page, Entries(connection, at.sequence, kPage));
    if (page.empty()) break;
    for (const AuditEntry& entry : page) {
      if (entry.sequence != at.sequence + 1) {
        return Tampered(StrCat("entry ", at.sequence + 1, " is missing"));
      }
      if (AuditDigest(at.digest, entry) != entry.digest) {
        return Tampered(StrCat("entry ", entry.sequence, " is not what was written"));
      }
      at = {entry.sequence, entry.digest};
    }
  }
  ASSIGN_OR_RETURN(const sql::Rows rows,
                   connection.Query("SELECT sequence, digest, mac FROM audit_head WHERE id = 1"));
  if (rows.empty()) return Tampered("its head is missing");
  const AuditHead head{.sequence = rows.Number(0, 0), .digest = ToBytes(rows.Blob(0, 1))};
  if (head.sequence != at.sequence) {
    return Tampered(StrCat("it ends at entry ", at.sequence, ", its head says ", head.sequence));
  }
  if (head.digest != at.digest) {
    return Tampered(StrCat("entry ", at.sequence, " is not the one its head names"));
  }
  RETURN_IF_ERROR(CheckHead(connection, head, rows.Blob(0, 2)));
  return head;
}

}  // namespace nacre::attestation
