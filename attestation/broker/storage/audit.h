// The audit log: every administrative change, in the transaction that makes it. Entries are only
// ever added; each holds the digest of itself and of the one before, and the newest digest and its
// number are signed (HMAC-SHA256 under a key sealed in the store). So whoever can write to the
// database but has not the master key can neither change, remove, reorder nor add entries unseen.
// Putting back a whole older database is seen by a running broker, and otherwise by whoever noted a
// later head: `nacre-kbs audit verify --at-least N:DIGEST`.
//
// digest = SHA-256(previous digest (32 zero bytes for the first) || u64 sequence || u64 time ||
//          u32 size || text of actor, peer, request, action, object, detail), numbers big-endian.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "attestation/broker/storage/sealer.h"
#include "attestation/broker/storage/sql.h"

namespace nacre::attestation {

// Who changes something, and with which request.
struct Change {
  std::string actor;    // "nacre-admin/alice", "operator" at the command line
  std::string peer;     // "10.0.2.2:51234", "local"
  std::string request;  // correlation id; "" at the command line
  int64_t time = 0;     // Unix seconds
};

struct AuditEntry {
  int64_t sequence = 0;  // from 1, without gaps
  Change change;
  std::string action;  // "resource-set", "reference-deleted", ...
  std::string object;  // what was changed: "default/key/1"
  std::string detail;  // JSON object with more; never a secret
  Bytes digest;        // 32 bytes
};

struct AuditHead {
  int64_t sequence = 0;  // 0: nothing yet
  Bytes digest;
};

// Thread-safe.
class AuditLog {
 public:
  explicit AuditLog(Sealer* sealer) : sealer_(sealer) {}

  // Makes the signing key and an empty log when the database has none. kDataLoss when the head is
  // not what was signed.
  absl::Status Load(sql::Database& database, int64_t now);

  // To be the first statement of a transaction that changes something: it locks the head, and so
  // puts all changes of all replicas in one order. kDataLoss when the head is not what was signed
  // or is older than one seen before: then nothing is changed any more.
  absl::Status Append(sql::Connection& connection, const Change& change, std::string_view action,
                      std::string_view object, std::string_view detail);

  // Entries after number `after`, oldest first, at most `limit`.
  static absl::StatusOr<std::vector<AuditEntry>> Entries(sql::Connection& connection, int64_t after,
                                                         int64_t limit);
  static absl::StatusOr<AuditHead> Head(sql::Connection& connection);

  // Checks every entry and the head. kDataLoss naming the first entry that is wrong.
  absl::StatusOr<AuditHead> Verify(sql::Connection& connection);

 private:
  absl::StatusOr<SecretBytes> Key(sql::Connection& connection);
  absl::StatusOr<Bytes> Sign(sql::Connection& connection, const AuditHead& head);
  absl::Status CheckHead(sql::Connection& connection, const AuditHead& head, ByteView mac);

  Sealer* sealer_;
  std::mutex mutex_;
  SecretBytes key_;
  int64_t seen_ = 0;  // a head number that was committed
};

// What the digest of `entry` must be after an entry of digest `previous`.
Bytes AuditDigest(ByteView previous, const AuditEntry& entry);

}  // namespace nacre::attestation
