#include "attestation/broker/storage/sealer.h"

#include "base/strings.h"
#include "crypto/aead.h"
#include "crypto/random.h"

namespace nacre::attestation {
namespace {

constexpr uint8_t kVersion = 1;
constexpr size_t kHeaderSize = 1 + 4;
constexpr int64_t kMaxKeyId = 0xffffffff;

// The length separates the two names: no table and key read as another pair.
std::string Aad(std::string_view table, std::string_view key) {
  return StrCat("nacre-kbs record v1:", table.size(), ":", table, ":", key);
}

std::string KeyContext(int64_t id) { return StrCat("data key ", id); }

absl::StatusOr<Bytes> SealWith(const SecretBytes& data_key, int64_t id, std::string_view table,
                               std::string_view key, ByteView plaintext) {
  const Bytes iv = crypto::RandomBytes(crypto::kGcmIvSize);
  ASSIGN_OR_RETURN(const Bytes sealed,
                   crypto::Aes256GcmSeal(data_key.view(), iv, AsBytes(Aad(table, key)), plaintext));
  ByteWriter out;
  out.U8(kVersion).U32Be(static_cast<uint32_t>(id)).Put(ByteView(iv)).Put(ByteView(sealed));
  return out.Release();
}

// Which tables have sealed columns, for a change of the data key.
struct SealedTable {
  std::string_view name;
  std::string_view first;   // key and contents of the next record after $1
  std::string_view update;  // contents $2 of key $1
};
constexpr SealedTable kSealedTables[] = {
    {"resources", "SELECT path, sealed FROM resources WHERE path > $1 ORDER BY path LIMIT 1",
     "UPDATE resources SET sealed = $2 WHERE path = $1"},
    {"service_keys", "SELECT id, sealed FROM service_keys WHERE id > $1 ORDER BY id LIMIT 1",
     "UPDATE service_keys SET sealed = $2 WHERE id = $1"},
    {"denials", "SELECT id, sealed FROM denials WHERE id > $1 ORDER BY id LIMIT 1",
     "UPDATE denials SET sealed = $2 WHERE id = $1"},
};

absl::StatusOr<int64_t> NewestKey(sql::Connection& connection) {
  ASSIGN_OR_RETURN(const sql::Rows rows,
                   connection.Query("SELECT id FROM data_keys ORDER BY id DESC LIMIT 1"));
  return rows.Number(0, 0);
}

absl::Status InsertKey(sql::Connection& connection, MasterKey& master, int64_t id,
                       const SecretBytes& key, int64_t now) {
  ASSIGN_OR_RETURN(const Bytes wrapped, master.Wrap(KeyContext(id), key), master.Describe());
  return connection
      .Query("INSERT INTO data_keys (id, wrapped, made_at) VALUES ($1, $2, $3)", {id, wrapped, now})
      .status();
}

}  // namespace

absl::Status Sealer::Load(sql::Database& database, int64_t now) {
  return database.Write([&](sql::Connection& connection) -> absl::Status {
    // Two replicas that start on an empty database: the second finds the key of the first.
    if (connection.engine() == sql::Engine::kPostgresql) {
      RETURN_IF_ERROR(connection.Execute("LOCK TABLE data_keys IN EXCLUSIVE MODE"));
    }
    ASSIGN_OR_RETURN(const int64_t newest, NewestKey(connection));
    if (newest != 0) return KeyOf(connection, newest).status();
    return InsertKey(connection, *master_key_, 1, crypto::RandomSecret(crypto::kAes256KeySize),
                     now);
  });
}

absl::StatusOr<SecretBytes> Sealer::KeyOf(sql::Queryable& connection, int64_t id) {
  {
    std::lock_guard lock(mutex_);
    auto found = keys_.find(id);
    if (found != keys_.end()) return found->second.Clone();
  }
  ASSIGN_OR_RETURN(const sql::Rows rows,
                   connection.Query("SELECT wrapped FROM data_keys WHERE id = $1", {id}));
  if (rows.empty()) return absl::DataLossError(StrCat("the store has no data key ", id));
  auto key = master_key_->Unwrap(KeyContext(id), rows.Blob(0, 0));
  if (absl::IsUnauthenticated(key.status())) {
    return absl::FailedPreconditionError(StrCat(
        "its secrets are sealed under another master key than that of ", master_key_->Describe()));
  }
  RETURN_IF_ERROR(key.status(), master_key_->Describe());
  std::lock_guard lock(mutex_);
  return keys_.insert_or_assign(id, *std::move(key)).first->second.Clone();
}

absl::StatusOr<Bytes> Sealer::Seal(sql::Connection& connection, std::string_view table,
                                   std::string_view key, ByteView plaintext) {
  ASSIGN_OR_RETURN(const int64_t id, NewestKey(connection));
  ASSIGN_OR_RETURN(const SecretBytes data_key, KeyOf(connection, id));
  return SealWith(data_key, id, table, key, plaintext);
}

absl::StatusOr<SecretBytes> Sealer::Open(sql::Queryable& connection, std::string_view table,
                                         std::string_view key, ByteView sealed) {
  ByteReader reader(sealed);
  ASSIGN_OR_RETURN(const uint8_t version, reader.U8("sealed record"));
  if (version != kVersion) {
    return absl::DataLossError(StrCat("sealed record has version ", int{version}, ", expected 1"));
  }
  ASSIGN_OR_RETURN(const uint32_t id, reader.U32Be("sealed record"));
  ASSIGN_OR_RETURN(const ByteView iv, reader.Take(crypto::kGcmIvSize, "sealed record"));
  ASSIGN_OR_RETURN(const SecretBytes data_key, KeyOf(connection, id));
  return crypto::Aes256GcmOpen(data_key.view(), iv, AsBytes(Aad(table, key)),
                               sealed.subspan(kHeaderSize + crypto::kGcmIvSize));
}

absl::Status Sealer::Rekey(sql::Connection& connection, MasterKey& new_master, int64_t now) {
  ASSIGN_OR_RETURN(const int64_t newest, NewestKey(connection));
  const int64_t id = newest + 1;
  if (id > kMaxKeyId) return absl::ResourceExhaustedError("no more data key numbers");
  const SecretBytes fresh = crypto::RandomSecret(crypto::kAes256KeySize);
  for (const SealedTable& table : kSealedTables) {
    std::string at;
    while (true) {
      ASSIGN_OR_RETURN(const sql::Rows rows, connection.Query(table.first, {at}));
      if (rows.empty()) break;
      at = rows.Text(0, 0);
      ASSIGN_OR_RETURN(const SecretBytes plaintext,
                       Open(connection, table.name, at, rows.Blob(0, 1)),
                       StrCat(table.name, " ", at));
      ASSIGN_OR_RETURN(const Bytes sealed, SealWith(fresh, id, table.name, at, plaintext.view()));
      RETURN_IF_ERROR(connection.Query(table.update, {at, sealed}).status());
    }
  }
  RETURN_IF_ERROR(connection.Query("DELETE FROM data_keys WHERE id < $1", {id}).status());
  return InsertKey(connection, new_master, id, fresh, now);
}

}  // namespace nacre::attestation
