// What the broker remembers: sealed resources, reference values, used nonces and the attestation
// log, in one SQLite file. Thread-safe. Every answered write is on disk.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attestation/broker/database.h"
#include "base/secret_bytes.h"
#include "base/status.h"

namespace nacre::attestation {

struct StoreLimits {
  int64_t max_nonces = 100'000;   // live entries of the ledger
  int64_t max_log_rows = 10'000;  // of each outcome; the oldest go first
  int64_t max_references = 1'000;
  int64_t max_resources = 100'000;
};

// A registered reference value document, as text.
struct StoredReference {
  std::string name;
  std::string document;
  int64_t registered_at = 0;  // Unix seconds
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

class Store {
 public:
  // Opens or makes the file and brings its tables up to date. kFailedPrecondition when the file was
  // made with another master key, or by a newer program.
  static absl::StatusOr<std::unique_ptr<Store>> Open(const std::string& path,
                                                     const SecretBytes& master_key,
                                                     const StoreLimits& limits = {});

  // `path` is "repository/type/tag". Contents are sealed with AES-256-GCM under the master key,
  // bound to their path.
  absl::Status PutResource(std::string_view path, ByteView contents, int64_t now);
  absl::StatusOr<SecretBytes> GetResource(std::string_view path);  // kNotFound
  absl::Status DeleteResource(std::string_view path);              // kNotFound
  absl::StatusOr<std::vector<std::string>> ListResources();

  absl::Status PutReference(const StoredReference& reference);  // replaces one of the same name
  absl::StatusOr<StoredReference> GetReference(std::string_view name);  // kNotFound
  absl::StatusOr<std::vector<StoredReference>> ListReferences();
  absl::Status DeleteReference(std::string_view name);  // kNotFound

  // Notes a nonce as used until it expires. kAlreadyExists when it was; kResourceExhausted when
  // the ledger is full of live ones.
  absl::Status UseNonce(std::string_view nonce, int64_t expires_at, int64_t now);

  absl::Status AppendLog(const LogRow& row);
  absl::StatusOr<LogRow> GetLog(std::string_view id);  // kNotFound
  absl::StatusOr<LogRow> LastLog();                    // kNotFound when empty

 private:
  Store(std::unique_ptr<Database> database, SecretBytes master_key, const StoreLimits& limits)
      : database_(std::move(database)), master_key_(std::move(master_key)), limits_(limits) {}
  absl::Status CheckMasterKey();
  // After a row was added, inside its transaction: kResourceExhausted, and so nothing added, when
  // there are more than `limit` now.
  absl::Status CheckRoom(std::string_view count_sql, int64_t limit, std::string_view what);

  std::mutex mutex_;
  std::unique_ptr<Database> database_;
  SecretBytes master_key_;
  StoreLimits limits_;
};

}  // namespace nacre::attestation
