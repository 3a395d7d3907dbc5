// The store gives nothing a meaning: reference documents and explanations are text to it, resources
// are bytes. What it does decide is that contents at rest are unreadable without the master key and
// cannot be moved (storage/sealer.h), and that nothing an administrator changes goes without its
// entry in the audit log: the entry is the first statement of each change, and locks the head of
// the log, so that changes of all replicas happen one after the other.
#include "attestation/broker/store.h"

#include <chrono>
#include <ctime>

#include "attestation/broker/storage/migrations.h"
#include "attestation/broker/storage/sqlite.h"
#include "base/json.h"
#include "base/strings.h"
#include "crypto/digest.h"

namespace nacre::attestation {
namespace {

constexpr std::string_view kResources = "resources";
constexpr size_t kMaxKeptResource = 64 << 10;  // bytes; and of all that are kept:
constexpr size_t kMaxKeptResources = 1 << 20;

int64_t SteadyMs() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

// After a row was added, inside its transaction: kResourceExhausted, and so nothing added, when
// there are more than `limit` now.
absl::Status CheckRoom(sql::Connection& connection, std::string_view count_sql, int64_t limit,
                       std::string_view what) {
  ASSIGN_OR_RETURN(const sql::Rows rows, connection.Query(count_sql));
  if (rows.Number(0, 0) <= limit) return absl::OkStatus();
  return absl::ResourceExhaustedError(StrCat("more than ", limit, " ", what));
}

std::string DigestOf(std::string_view text) { return crypto::OciDigest(AsBytes(text)); }

StoredReference ReadReference(const sql::Rows& rows, size_t row) {
  return {.name = rows.Text(row, 0),
          .document = rows.Text(row, 1),
          .registered_at = rows.Number(row, 2),
          .registered_by = rows.Text(row, 3),
          .source_digest = rows.Text(row, 4),
          .signer = rows.Text(row, 5),
          .signature = rows.Text(row, 6),
          .expires_at = rows.Number(row, 7)};
}

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> Store::Open(std::unique_ptr<sql::Database> database,
                                                   std::unique_ptr<MasterKey> master_key,
                                                   const StoreLimits& limits) {
  std::unique_ptr<Store> store(new Store(std::move(database), std::move(master_key), limits));
  const std::string where = store->database_->Describe();
  const int64_t now = std::time(nullptr);
  RETURN_IF_ERROR(Migrate(*store->database_, now));
  RETURN_IF_ERROR(store->sealer_.Load(*store->database_, now), where);
  RETURN_IF_ERROR(store->audit_.Load(*store->database_, now), where);
  return store;
}

absl::StatusOr<std::unique_ptr<Store>> Store::Open(const std::string& path,
                                                   const SecretBytes& master_key,
                                                   const StoreLimits& limits) {
  ASSIGN_OR_RETURN(std::unique_ptr<sql::Database> database, sql::OpenSqlite(path));
  ASSIGN_OR_RETURN(std::unique_ptr<MasterKey> key,
                   MasterKeyFromBytes(master_key.Clone(), "the key given"));
  return Open(std::move(database), std::move(key), limits);
}

absl::Status Store::PutResource(std::string_view path, ByteView contents, const Change& change) {
  ASSIGN_OR_RETURN(const std::string detail, DumpJson({{"size", contents.size()}}));
  return WriteChange([&](sql::Connection& connection) -> absl::Status {
    RETURN_IF_ERROR(audit_.Append(connection, change, "resource-set", path, detail));
    ASSIGN_OR_RETURN(const Bytes sealed, sealer_.Seal(connection, kResources, path, contents));
    RETURN_IF_ERROR(connection
                        .Query("INSERT INTO resources (path, sealed, changed_at) "
                               "VALUES ($1, $2, $3) ON CONFLICT (path) DO UPDATE SET sealed = "
                               "excluded.sealed, changed_at = excluded.changed_at",
                               {path, sealed, change.time})
                        .status());
    return CheckRoom(connection, "SELECT count(*) FROM resources", limits_.max_resources,
                     "resources");
  });
}

absl::StatusOr<Bytes> Store::SealedResource(std::string_view path) {
  ASSIGN_OR_RETURN(const sql::Rows rows,
                   database_->Query("SELECT sealed FROM resources WHERE path = $1", {path}));
  if (rows.empty()) return absl::NotFoundError(StrCat("no resource ", path));
  const ByteView sealed = rows.Blob(0, 0);
  return Bytes(sealed.begin(), sealed.end());
}

// Reading one from SQLite costs more than opening it: the reader finds that others have written and
// begins anew. So what is asked for is kept, sealed as it is, for as long as nothing was changed.
absl::StatusOr<Bytes> Store::KeptResource(std::string_view path) {
  ASSIGN_OR_RETURN(const int64_t generation, Generation());
  {
    const std::lock_guard lock(kept_mutex_);
    const auto found = resources_.find(path);
    if (resources_of_ == generation && found != resources_.end()) return found->second;
  }
  ASSIGN_OR_RETURN(Bytes sealed, SealedResource(path));
  if (sealed.size() > kMaxKeptResource) return sealed;
  const std::lock_guard lock(kept_mutex_);
  if (resources_of_ != generation || resources_size_ + sealed.size() > kMaxKeptResources) {
    resources_.clear();
    resources_size_ = 0;
    resources_of_ = generation;
  }
  if (resources_.emplace(path, sealed).second) resources_size_ += sealed.size() + path.size();
  return sealed;
}

absl::StatusOr<SecretBytes> Store::GetResource(std::string_view path) {
  const bool kept = database_->engine() == sql::Engine::kSqlite;
  ASSIGN_OR_RETURN(const Bytes sealed, kept ? KeptResource(path) : SealedResource(path));
  ASSIGN_OR_RETURN(SecretBytes contents, sealer_.Open(*database_, kResources, path, sealed),
                   StrCat("resource ", path));
  return contents;
}

absl::Status Store::DeleteResource(std::string_view path, const Change& change) {
  return WriteChange([&](sql::Connection& connection) -> absl::Status {
    RETURN_IF_ERROR(audit_.Append(connection, change, "resource-deleted", path, "{}"));
    ASSIGN_OR_RETURN(const sql::Rows done,
                     connection.Query("DELETE FROM resources WHERE path = $1", {path}));
    return done.changed > 0 ? absl::OkStatus() : absl::NotFoundError(StrCat("no resource ", path));
  });
}

absl::StatusOr<std::vector<std::string>> Store::ListResources() {
  ASSIGN_OR_RETURN(const sql::Rows rows,
                   database_->Query("SELECT path FROM resources ORDER BY path"));
  std::vector<std::string> paths;
  for (size_t i = 0; i < rows.size(); ++i) paths.push_back(rows.Text(i, 0));
  return paths;
}

absl::Status Store::PutReference(const StoredReference& reference, const Change& change) {
  ASSIGN_OR_RETURN(const std::string detail, DumpJson({{"digest", DigestOf(reference.document)},
                                                       {"source_digest", reference.source_digest},
                                                       {"signer", reference.signer},
                                                       {"expires_at", reference.expires_at}}));
  const std::string& by = reference.registered_by.empty() ? change.actor : reference.registered_by;
  return WriteChange([&](sql::Connection& connection) -> absl::Status {
    RETURN_IF_ERROR(audit_.Append(connection, change, "reference-set", reference.name, detail));
    RETURN_IF_ERROR(
        connection
            .Query("INSERT INTO reference_values (name, document, registered_at, registered_by, "
                   "source_digest, signer, signature, expires_at) VALUES ($1, $2, $3, $4, $5, $6, "
                   "$7, $8) ON CONFLICT (name) DO UPDATE SET document = excluded.document, "
                   "registered_at = excluded.registered_at, registered_by = "
                   "excluded.registered_by, source_digest = excluded.source_digest, signer = "
                   "excluded.signer, signature = excluded.signature, expires_at = "
                   "excluded.expires_at",
                   {reference.name, reference.document, reference.registered_at, by,
                    reference.source_digest, reference.signer, reference.signature,
                    reference.expires_at})
            .status());
    return CheckRoom(connection, "SELECT count(*) FROM reference_values", limits_.max_references,
                     "reference values");
  });
}

absl::StatusOr<StoredReference> Store::GetReference(std::string_view name) {
  ASSIGN_OR_RETURN(const sql::Rows rows,
                   database_->Query("SELECT name, document, registered_at, registered_by, "
                                    "source_digest, signer, signature, expires_at FROM "
                                    "reference_values WHERE name = $1",
                                    {name}));
  if (rows.empty()) return absl::NotFoundError(StrCat("no reference value ", name));
  return ReadReference(rows, 0);
}

absl::StatusOr<std::vector<StoredReference>> Store::ListReferences() {
  ASSIGN_OR_RETURN(const sql::Rows rows,
                   database_->Query("SELECT name, document, registered_at, registered_by, "
                                    "source_digest, signer, signature, expires_at FROM "
                                    "reference_values ORDER BY name"));
  std::vector<StoredReference> references;
  for (size_t i = 0; i < rows.size(); ++i) references.push_back(ReadReference(rows, i));
  return references;
}

absl::Status Store::DeleteReference(std::string_view name, const Change& change) {
  return WriteChange([&](sql::Connection& connection) -> absl::Status {
    RETURN_IF_ERROR(audit_.Append(connection, change, "reference-deleted", name, "{}"));
    ASSIGN_OR_RETURN(const sql::Rows done,
                     connection.Query("DELETE FROM reference_values WHERE name = $1", {name}));
    return done.changed > 0 ? absl::OkStatus()
                            : absl::NotFoundError(StrCat("no reference value ", name));
  });
}

absl::Status Store::PutPolicy(const StoredPolicy& policy, const Change& change) {
  ASSIGN_OR_RETURN(const std::string detail,
                   DumpJson({{"size", policy.text.size()}, {"digest", DigestOf(policy.text)}}));
  return WriteChange([&](sql::Connection& connection) -> absl::Status {
    RETURN_IF_ERROR(audit_.Append(connection, change, "policy-set", policy.name, detail));
    RETURN_IF_ERROR(connection
                        .Query("INSERT INTO policies (name, body, updated_at) VALUES ($1, $2, $3) "
                               "ON CONFLICT (name) DO UPDATE SET body = excluded.body, "
                               "updated_at = excluded.updated_at",
                               {policy.name, policy.text, policy.updated_at})
                        .status());
    return CheckRoom(connection, "SELECT count(*) FROM policies", limits_.max_policies, "policies");
  });
}

absl::StatusOr<std::vector<StoredPolicy>> Store::ListPolicies() {
  ASSIGN_OR_RETURN(const sql::Rows rows,
                   database_->Query("SELECT name, body, updated_at FROM policies ORDER BY name"));
  std::vector<StoredPolicy> policies;
  for (size_t i = 0; i < rows.size(); ++i) {
    policies.push_back({rows.Text(i, 0), rows.Text(i, 1), rows.Number(i, 2)});
  }
  return policies;
}

absl::Status Store::DeletePolicy(std::string_view name, const Change& change) {
  return WriteChange([&](sql::Connection& connection) -> absl::Status {
    RETURN_IF_ERROR(audit_.Append(connection, change, "policy-deleted", name, "{}"));
    ASSIGN_OR_RETURN(const sql::Rows done,
                     connection.Query("DELETE FROM policies WHERE name = $1", {name}));
    return done.changed > 0 ? absl::OkStatus() : absl::NotFoundError(StrCat("no policy ", name));
  });
}

absl::Status Store::Audit(const Change& change, std::string_view action, std::string_view object,
                          std::string_view detail) {
  return WriteChange([&](sql::Connection& connection) {
    return audit_.Append(connection, change, action, object, detail);
  });
}

absl::StatusOr<std::vector<AuditEntry>> Store::AuditEntries(int64_t after, int64_t limit) {
  std::vector<AuditEntry> entries;
  RETURN_IF_ERROR(database_->Read([&](sql::Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(entries, AuditLog::Entries(connection, after, limit));
    return absl::OkStatus();
  }));
  return entries;
}

absl::StatusOr<AuditHead> Store::VerifyAudit() {
  AuditHead head;
  RETURN_IF_ERROR(database_->Read([&](sql::Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(head, audit_.Verify(connection));
    return absl::OkStatus();
  }));
  return head;
}

absl::Status Store::WriteChange(const sql::Database::Work& work) {
  const absl::Status status = database_->Write(work);
  const std::lock_guard lock(kept_mutex_);
  ++changes_;
  generation_.reset();
  return status;
}

absl::StatusOr<int64_t> Store::Generation() {
  const bool kept = database_->engine() == sql::Engine::kSqlite;
  const int64_t now = SteadyMs();
  int64_t changes = 0;
  if (kept) {
    const std::lock_guard lock(kept_mutex_);
    if (generation_ && now - generation_read_ms_ < kStaleMs) return *generation_;
    changes = changes_;
  }
  ASSIGN_OR_RETURN(const sql::Rows rows,
                   database_->Query("SELECT sequence FROM audit_head WHERE id = 1"));
  const int64_t generation = rows.Number(0, 0);
  const std::lock_guard lock(kept_mutex_);
  // Else something was changed meanwhile, maybe after the read.
  if (changes == changes_) {
    generation_ = generation;
    generation_read_ms_ = now;
  }
  return generation;
}

}  // namespace nacre::attestation
