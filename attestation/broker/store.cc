// The store gives nothing a meaning: reference documents and explanations are text to it, resources
// are bytes. What it does decide is that contents at rest are unreadable without the master key and
// cannot be moved: each is sealed with its own path as associated data, so a row copied over
// another row does not open.
#include "attestation/broker/store.h"

#include <ctime>

#include "attestation/broker/migrations.h"
#include "crypto/aead.h"
#include "crypto/digest.h"
#include "crypto/random.h"

namespace nacre::attestation {
namespace {

constexpr size_t kIvSize = 12;
constexpr std::string_view kKeyCheck = "master-key-check";

std::string ResourceAad(std::string_view path) {
  return "nacre-kbs resource v1:" + std::string(path);
}

// iv || ciphertext || tag
absl::StatusOr<Bytes> Seal(const SecretBytes& key, std::string_view aad, ByteView plain) {
  Bytes out = crypto::RandomBytes(kIvSize);
  ASSIGN_OR_RETURN(Bytes sealed, crypto::Aes256GcmSeal(key.view(), out, AsBytes(aad), plain));
  out.insert(out.end(), sealed.begin(), sealed.end());
  return out;
}

absl::StatusOr<SecretBytes> Open(const SecretBytes& key, std::string_view aad, ByteView sealed) {
  if (sealed.size() < kIvSize) return absl::DataLossError("sealed value is too short");
  return crypto::Aes256GcmOpen(key.view(), sealed.first(kIvSize), AsBytes(aad),
                               sealed.subspan(kIvSize));
}

LogRow ReadLogRow(const Statement& row) {
  return {.id = std::string(row.Text(0)),
          .time = row.Number(1),
          .refused = row.Number(2) != 0,
          .code = std::string(row.Text(3)),
          .summary = std::string(row.Text(4)),
          .detail = std::string(row.Text(5))};
}

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> Store::Open(const std::string& path,
                                                   const SecretBytes& master_key,
                                                   const StoreLimits& limits) {
  ASSIGN_OR_RETURN(std::unique_ptr<Database> database, Database::Open(path));
  RETURN_IF_ERROR(Migrate(*database, std::time(nullptr)), "database " + path);
  std::unique_ptr<Store> store(new Store(std::move(database), master_key.Clone(), limits));
  RETURN_IF_ERROR(store->CheckMasterKey(), "database " + path);
  return store;
}

// A known value sealed under the master key tells at start, not at the first resource, that the
// wrong key file is configured.
absl::Status Store::CheckMasterKey() {
  {
    ASSIGN_OR_RETURN(Statement query,
                     database_->Prepare("SELECT value FROM settings WHERE name = ?"));
    ASSIGN_OR_RETURN(bool row, query.Bind(kKeyCheck).Step());
    if (row) {
      if (attestation::Open(master_key_, kKeyCheck, query.Blob(0)).ok()) return absl::OkStatus();
      return absl::FailedPreconditionError("its resources are sealed under another master key");
    }
  }
  ASSIGN_OR_RETURN(Bytes sealed, Seal(master_key_, kKeyCheck, AsBytes(kKeyCheck)));
  ASSIGN_OR_RETURN(Statement insert,
                   database_->Prepare("INSERT INTO settings (name, value) VALUES (?, ?)"));
  return insert.Bind(kKeyCheck).Bind(ByteView(sealed)).Run();
}

absl::Status Store::CheckRoom(std::string_view count_sql, int64_t limit, std::string_view what) {
  ASSIGN_OR_RETURN(Statement count, database_->Prepare(count_sql));
  ASSIGN_OR_RETURN(bool row, count.Step());
  if (row && count.Number(0) <= limit) return absl::OkStatus();
  return absl::ResourceExhaustedError("more than " + std::to_string(limit) + " " +
                                      std::string(what));
}

absl::Status Store::PutResource(std::string_view path, ByteView contents, int64_t now) {
  ASSIGN_OR_RETURN(Bytes sealed, Seal(master_key_, ResourceAad(path), contents));
  std::lock_guard lock(mutex_);
  ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(*database_));
  {
    ASSIGN_OR_RETURN(
        Statement insert,
        database_->Prepare("INSERT INTO resources (path, sealed, changed_at) VALUES (?, ?, ?) "
                           "ON CONFLICT (path) DO UPDATE SET sealed = excluded.sealed, "
                           "changed_at = excluded.changed_at"));
    RETURN_IF_ERROR(insert.Bind(path).Bind(ByteView(sealed)).Bind(now).Run());
  }
  RETURN_IF_ERROR(CheckRoom("SELECT count(*) FROM resources", limits_.max_resources, "resources"));
  return transaction.Commit();
}

absl::StatusOr<SecretBytes> Store::GetResource(std::string_view path) {
  std::lock_guard lock(mutex_);
  ASSIGN_OR_RETURN(Statement query,
                   database_->Prepare("SELECT sealed FROM resources WHERE path = ?"));
  ASSIGN_OR_RETURN(bool row, query.Bind(path).Step());
  if (!row) return absl::NotFoundError("no resource " + std::string(path));
  ASSIGN_OR_RETURN(SecretBytes contents,
                   attestation::Open(master_key_, ResourceAad(path), query.Blob(0)),
                   "resource " + std::string(path));
  return contents;
}

absl::Status Store::DeleteResource(std::string_view path) {
  std::lock_guard lock(mutex_);
  ASSIGN_OR_RETURN(Statement remove, database_->Prepare("DELETE FROM resources WHERE path = ?"));
  RETURN_IF_ERROR(remove.Bind(path).Run());
  if (database_->changes() > 0) return absl::OkStatus();
  return absl::NotFoundError("no resource " + std::string(path));
}

absl::StatusOr<std::vector<std::string>> Store::ListResources() {
  std::lock_guard lock(mutex_);
  ASSIGN_OR_RETURN(Statement query, database_->Prepare("SELECT path FROM resources ORDER BY path"));
  std::vector<std::string> paths;
  while (true) {
    ASSIGN_OR_RETURN(bool row, query.Step());
    if (!row) return paths;
    paths.emplace_back(query.Text(0));
  }
}

absl::Status Store::PutReference(const StoredReference& reference) {
  std::lock_guard lock(mutex_);
  ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(*database_));
  {
    ASSIGN_OR_RETURN(
        Statement insert,
        database_->Prepare("INSERT INTO reference_values (name, document, registered_at) "
                           "VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET document = "
                           "excluded.document, registered_at = excluded.registered_at"));
    insert.Bind(reference.name).Bind(reference.document).Bind(reference.registered_at);
    RETURN_IF_ERROR(insert.Run());
  }
  RETURN_IF_ERROR(CheckRoom("SELECT count(*) FROM reference_values", limits_.max_references,
                            "reference values"));
  return transaction.Commit();
}

absl::StatusOr<StoredReference> Store::GetReference(std::string_view name) {
  std::lock_guard lock(mutex_);
  ASSIGN_OR_RETURN(Statement query,
                   database_->Prepare("SELECT name, document, registered_at FROM reference_values "
                                      "WHERE name = ?"));
  ASSIGN_OR_RETURN(bool row, query.Bind(name).Step());
  if (!row) return absl::NotFoundError("no reference value " + std::string(name));
  return StoredReference{std::string(query.Text(0)), std::string(query.Text(1)), query.Number(2)};
}

absl::StatusOr<std::vector<StoredReference>> Store::ListReferences() {
  std::lock_guard lock(mutex_);
  ASSIGN_OR_RETURN(Statement query,
                   database_->Prepare("SELECT name, document, registered_at FROM reference_values "
                                      "ORDER BY name"));
  std::vector<StoredReference> references;
  while (true) {
    ASSIGN_OR_RETURN(bool row, query.Step());
    if (!row) return references;
    references.push_back({std::string(query.Text(0)), std::string(query.Text(1)), query.Number(2)});
  }
}

absl::Status Store::DeleteReference(std::string_view name) {
  std::lock_guard lock(mutex_);
  ASSIGN_OR_RETURN(Statement remove,
                   database_->Prepare("DELETE FROM reference_values WHERE name = ?"));
  RETURN_IF_ERROR(remove.Bind(name).Run());
  if (database_->changes() > 0) return absl::OkStatus();
  return absl::NotFoundError("no reference value " + std::string(name));
}

absl::Status Store::UseNonce(std::string_view nonce, int64_t expires_at, int64_t now) {
  Bytes hash = crypto::Digest(crypto::HashAlgorithm::kSha256, AsBytes(nonce));
  std::lock_guard lock(mutex_);
  ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(*database_));
  {
    ASSIGN_OR_RETURN(Statement expire,
                     database_->Prepare("DELETE FROM nonces WHERE expires_at <= ?"));
    RETURN_IF_ERROR(expire.Bind(now).Run());
    ASSIGN_OR_RETURN(Statement insert,
                     database_->Prepare("INSERT INTO nonces (hash, expires_at) VALUES (?, ?)"));
    RETURN_IF_ERROR(insert.Bind(ByteView(hash)).Bind(expires_at).Run());
  }
  RETURN_IF_ERROR(CheckRoom("SELECT count(*) FROM nonces", limits_.max_nonces, "live nonces"));
  return transaction.Commit();
}

absl::Status Store::AppendLog(const LogRow& row) {
  std::lock_guard lock(mutex_);
  ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(*database_));
  {
    ASSIGN_OR_RETURN(
        Statement insert,
        database_->Prepare("INSERT INTO attestations (id, time, refused, code, summary,"
                           " detail) VALUES (?, ?, ?, ?, ?, ?)"));
    int64_t refused = row.refused ? 1 : 0;
    RETURN_IF_ERROR(insert.Bind(row.id)
                        .Bind(row.time)
                        .Bind(refused)
                        .Bind(row.code)
                        .Bind(row.summary)
                        .Bind(row.detail)
                        .Run());
    // A flood of refusals pushes out only older refusals, never the record of who got a key.
    ASSIGN_OR_RETURN(
        Statement trim,
        database_->Prepare("DELETE FROM attestations WHERE refused = ? AND sequence <= "
                           "(SELECT sequence FROM attestations WHERE refused = ? "
                           "ORDER BY sequence DESC LIMIT 1 OFFSET ?)"));
    RETURN_IF_ERROR(trim.Bind(refused).Bind(refused).Bind(limits_.max_log_rows).Run());
  }
  return transaction.Commit();
}

absl::StatusOr<LogRow> Store::GetLog(std::string_view id) {
  std::lock_guard lock(mutex_);
  ASSIGN_OR_RETURN(Statement query,
                   database_->Prepare("SELECT id, time, refused, code, summary, detail "
                                      "FROM attestations WHERE id = ?"));
  ASSIGN_OR_RETURN(bool row, query.Bind(id).Step());
  if (!row) return absl::NotFoundError("no attestation " + std::string(id));
  return ReadLogRow(query);
}

absl::StatusOr<LogRow> Store::LastLog() {
  std::lock_guard lock(mutex_);
  ASSIGN_OR_RETURN(Statement query,
                   database_->Prepare("SELECT id, time, refused, code, summary, detail "
                                      "FROM attestations ORDER BY sequence DESC LIMIT 1"));
  ASSIGN_OR_RETURN(bool row, query.Step());
  if (!row) return absl::NotFoundError("no attestation yet");
  return ReadLogRow(query);
}

}  // namespace nacre::attestation
