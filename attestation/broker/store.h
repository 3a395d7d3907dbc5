// What the broker remembers: sealed resources, reference values, policies, used nonces, the
// attestation log, guests' denials and the audit log, in SQLite or PostgreSQL. Thread-safe, and
// several replicas may work on one PostgreSQL database. Every answered write is durable; every
// administrative change is in the audit log, in the same transaction.
//
// Besides what each method names, all return what sql.h says: kUnavailable when the database cannot
// be reached, kDeadlineExceeded, kDataLoss, ...
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attestation/broker/storage/audit.h"
#include "attestation/broker/storage/commit_queue.h"
#include "attestation/broker/storage/master_key.h"
#include "attestation/broker/storage/sealer.h"
#include "attestation/broker/storage/sql.h"
#include "base/secret_bytes.h"
#include "base/status.h"

namespace nacre::attestation {

struct StoreLimits {
  int64_t max_nonces = 100'000;   // live entries of the ledger
  int64_t max_log_rows = 10'000;  // of each outcome; the oldest go first, in sixteenths of it
  int64_t max_references = 1'000;
  int64_t max_resources = 100'000;
  int64_t max_policies = 1'000;
  int64_t max_denials = 10'000;
  int64_t max_denials_of_guest = 256;
  int64_t denial_lifetime_s = int64_t{30} * 24 * 3600;
};

// A registered reference value document, as text, and where it came from.
struct StoredReference {
  std::string name;
  std::string document;
  int64_t registered_at = 0;       // Unix seconds
  std::string registered_by = {};  // "": the actor of the change
  std::string source_digest = {};  // "sha256:..." of the document as it was handed in
  std::string signer = {};         // key id of who signed it, "" when nobody did
  std::string signature = {};      // the JWS it came in, "" without one
  int64_t expires_at = 0;          // 0: never
};

// A policy the owner uploads. The meaning of `name` is the caller's.
struct StoredPolicy {
  std::string name;
  std::string text;
  int64_t updated_at = 0;  // Unix seconds
};

// One row of the log: an attestation, or a resource refused to an attested guest.
struct LogRow {
  std::string id;    // correlation id
  int64_t time = 0;  // Unix seconds
  bool refused = false;
  std::string code;     // reason code of a refusal, "" otherwise
  std::string summary;  // one sentence for people
  std::string detail;   // JSON with everything; see explanation.h
};

// A nonce that evidence was brought for.
struct UsedNonce {
  std::string nonce;
  int64_t expires_at = 0;  // Unix seconds; always the same of the same nonce
};

// A request that a guest denied, as the guest reports it. The meaning of `record` is the caller's.
struct NewDenial {
  uint64_t number = 0;  // the guest's own; counts once
  std::string record;
};
struct StoredDenial {
  int64_t sequence = 0;  // rises from one to the next
  std::string guest;
  uint64_t number = 0;
  int64_t time = 0;  // of its arrival, Unix seconds
  std::string record;
};

class Store {
 public:
  // Brings the tables up to date and learns the keys. kFailedPrecondition when the database was
  // made with another master key, or by a newer program; kDataLoss when the audit log's head is not
  // what was signed.
  static absl::StatusOr<std::unique_ptr<Store>> Open(std::unique_ptr<sql::Database> database,
                                                     std::unique_ptr<MasterKey> master_key,
                                                     const StoreLimits& limits = {});
  // The same on a SQLite file, with 32 bytes of key.
  static absl::StatusOr<std::unique_ptr<Store>> Open(const std::string& path,
                                                     const SecretBytes& master_key,
                                                     const StoreLimits& limits = {});

  // `path` is "repository/type/tag". Contents are sealed, bound to their path.
  absl::Status PutResource(std::string_view path, ByteView contents, const Change& change);
  absl::StatusOr<SecretBytes> GetResource(std::string_view path);            // kNotFound
  absl::Status DeleteResource(std::string_view path, const Change& change);  // kNotFound
  absl::StatusOr<std::vector<std::string>> ListResources();

  // Replaces one of the same name.
  absl::Status PutReference(const StoredReference& reference, const Change& change);
  absl::StatusOr<StoredReference> GetReference(std::string_view name);        // kNotFound
  absl::StatusOr<std::vector<StoredReference>> ListReferences();              // by name
  absl::Status DeleteReference(std::string_view name, const Change& change);  // kNotFound

  // Replaces one of the same name.
  absl::Status PutPolicy(const StoredPolicy& policy, const Change& change);
  absl::StatusOr<std::vector<StoredPolicy>> ListPolicies();                // by name
  absl::Status DeletePolicy(std::string_view name, const Change& change);  // kNotFound

  // What an attestation came to: notes its nonce, if it got so far, as used until it expires, and
  // appends the row, both or none. `done` is called once with the outcome, maybe by another thread:
  // kAlreadyExists when the nonce was used before; kResourceExhausted when the ledger is full of
  // live ones. Rows of several threads share a transaction: see Coming().
  using Done = std::function<void(const absl::Status&)>;
  void Record(std::optional<UsedNonce> nonce, LogRow row, int64_t now, Done done);
  // While it lives, a Record by this thread is on its way; those that wait do so for it.
  sql::CommitQueue::Coming Coming() { return sql::CommitQueue::Coming(commits_); }
  // A row by itself, at once.
  absl::Status AppendLog(const LogRow& row);
  absl::StatusOr<LogRow> GetLog(std::string_view id);  // kNotFound
  absl::StatusOr<LogRow> LastLog();                    // kNotFound when empty

  // Sealed, and bound to `guest` and number. Those of numbers that this guest has already stored
  // are left as they are; returns how many were new. Beyond the limits the oldest go.
  absl::StatusOr<int64_t> PutDenials(std::string_view guest, const std::vector<NewDenial>& denials,
                                     int64_t now);
  // Of one guest, or of all when `guest` is empty, that are not too old at `now`; after sequence
  // `after`, oldest first, at most `limit`.
  absl::StatusOr<std::vector<StoredDenial>> ListDenials(std::string_view guest, int64_t after,
                                                        int64_t limit, int64_t now);
  absl::Status DeleteDenials(std::string_view guest, const Change& change);  // kNotFound

  // An entry for a change that is made elsewhere than in this store.
  absl::Status Audit(const Change& change, std::string_view action, std::string_view object,
                     std::string_view detail);
  // After number `after`, oldest first, at most `limit`.
  absl::StatusOr<std::vector<AuditEntry>> AuditEntries(int64_t after, int64_t limit);
  absl::StatusOr<AuditHead> VerifyAudit();  // kDataLoss naming the first wrong entry

  // The number of the last administrative change by any replica: what was read from this store at
  // the same generation is still so. On PostgreSQL one small read. A SQLite file has one server, so
  // there the number is kept: what another process changes beside it is seen within kStaleMs.
  absl::StatusOr<int64_t> Generation();
  static constexpr int64_t kStaleMs = 250;

  // For maintenance and for key_ring.h.
  sql::Database& database() { return *database_; }
  Sealer& sealer() { return sealer_; }
  AuditLog& audit() { return audit_; }

 private:
  Store(std::unique_ptr<sql::Database> database, std::unique_ptr<MasterKey> master_key,
        const StoreLimits& limits)
      : database_(std::move(database)),
        master_key_(std::move(master_key)),
        sealer_(master_key_.get()),
        audit_(&sealer_),
        limits_(limits),
        commits_(database_.get()) {}
  // A transaction of an administrator's.
  absl::Status WriteChange(const sql::Database::Work& work);
  absl::Status MakeRoomForNonces(int64_t now);
  absl::Status CountLogRow(int64_t refused);
  absl::Status TrimLog(int64_t refused);
  absl::StatusOr<Bytes> SealedResource(std::string_view path);
  absl::StatusOr<Bytes> KeptResource(std::string_view path);
  absl::Status TrimDenials(sql::Connection& connection, std::string_view guest, int64_t now);

  std::unique_ptr<sql::Database> database_;
  std::unique_ptr<MasterKey> master_key_;
  Sealer sealer_;
  AuditLog audit_;
  const StoreLimits limits_;
  sql::CommitQueue commits_;
  std::atomic<int64_t> nonce_room_ = 0;     // nonces that fit before the next count
  std::atomic<uint64_t> log_rows_[2] = {};  // written by this replica, by outcome

  // Of a SQLite file.
  std::mutex kept_mutex_;
  int64_t changes_ = 0;  // by this store
  std::optional<int64_t> generation_;
  int64_t generation_read_ms_ = 0;
  // As they are at rest, of generation resources_of_.
  std::map<std::string, Bytes, std::less<>> resources_;
  size_t resources_size_ = 0;
  int64_t resources_of_ = 0;
};

}  // namespace nacre::attestation
