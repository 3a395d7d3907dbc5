#include "attestation/broker/database.h"

#include <fcntl.h>
#include <sqlite3.h>

#include "base/file.h"

namespace nacre::attestation {
namespace {

absl::Status SqliteStatus(int code, const std::string& message) {
  switch (code & 0xff) {
    case SQLITE_OK:
      return absl::OkStatus();
    case SQLITE_CONSTRAINT:
      return absl::AlreadyExistsError(message);
    case SQLITE_FULL:
      return absl::ResourceExhaustedError(message);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return absl::UnavailableError(message);
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
      return absl::DataLossError(message);
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
      return absl::PermissionDeniedError(message);
    default:
      return absl::InternalError(message);
  }
}

constexpr int kBusyTimeoutMs = 5000;

}  // namespace

Statement::~Statement() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

// A failed bind leaves the parameter NULL; every column it could reach is NOT NULL, so the
// statement fails instead of storing less than was asked.
Statement& Statement::Bind(std::string_view text) {
  sqlite3_bind_text64(statement_, ++bound_, text.data() == nullptr ? "" : text.data(), text.size(),
                      SQLITE_TRANSIENT, SQLITE_UTF8);
  return *this;
}

Statement& Statement::Bind(ByteView blob) {
  const void* data = blob.empty() ? static_cast<const void*>("") : blob.data();
  sqlite3_bind_blob64(statement_, ++bound_, data, blob.size(), SQLITE_TRANSIENT);
  return *this;
}

Statement& Statement::Bind(int64_t number) {
  sqlite3_bind_int64(statement_, ++bound_, number);
  return *this;
}

absl::StatusOr<bool> Statement::Step() {
  int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return SqliteStatus(code,
                      std::string("database: ") + sqlite3_errmsg(sqlite3_db_handle(statement_)));
}

absl::Status Statement::Run() {
  ASSIGN_OR_RETURN(bool row, Step());
  return row ? absl::InternalError("database: unexpected row") : absl::OkStatus();
}

int64_t Statement::Number(int column) const { return sqlite3_column_int64(statement_, column); }

std::string_view Statement::Text(int column) const { return AsText(Blob(column)); }

ByteView Statement::Blob(int column) const {
  const void* data = sqlite3_column_blob(statement_, column);
  int size = sqlite3_column_bytes(statement_, column);
  return {static_cast<const uint8_t*>(data), static_cast<size_t>(size)};
}

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const std::string& path) {
  // Made here so that it is never readable by others, not even for a moment.
  ASSIGN_OR_RETURN(UniqueFd made, OpenFile(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600), "database");
  made.Reset();
  sqlite3* handle = nullptr;
  int code =
      sqlite3_open_v2(path.c_str(), &handle,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, nullptr);
  std::unique_ptr<Database> database(new Database(handle, path));
  if (code != SQLITE_OK) {
    return SqliteStatus(code, "database " + path + ": " + sqlite3_errstr(code));
  }
  RETURN_IF_ERROR(database->Configure(), "database " + path);
  return database;
}

absl::Status Database::Configure() {
  sqlite3_extended_result_codes(handle_, 1);
  sqlite3_busy_timeout(handle_, kBusyTimeoutMs);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  return Execute(
      "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
      "PRAGMA secure_delete=ON; PRAGMA cell_size_check=ON;");
}

Database::~Database() {
  for (auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(handle_);
}

absl::StatusOr<Statement> Database::Prepare(std::string_view sql) {
  auto found = statements_.find(sql);
  if (found == statements_.end()) {
    sqlite3_stmt* statement = nullptr;
    int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                  SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    if (code != SQLITE_OK) {
      return SqliteStatus(code, "database " + path_ + ": " + sqlite3_errmsg(handle_));
    }
    found = statements_.emplace(sql, statement).first;
  }
  return Statement(found->second);
}

absl::Status Database::Execute(const std::string& sql) {
  int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  return SqliteStatus(code, sqlite3_errmsg(handle_));
}

int64_t Database::changes() const { return sqlite3_changes64(handle_); }

absl::StatusOr<Transaction> Transaction::Begin(Database& database) {
  RETURN_IF_ERROR(database.Execute("BEGIN IMMEDIATE"), "database");
  return Transaction(database);
}

Transaction::Transaction(Transaction&& other) noexcept : database_(other.database_) {
  other.database_ = nullptr;
}

Transaction::~Transaction() {
  // What fails to roll back here is rolled back by SQLite when the file is next opened.
  if (database_ != nullptr) database_->Execute("ROLLBACK").IgnoreError();
}

absl::Status Transaction::Commit() {
  RETURN_IF_ERROR(database_->Execute("COMMIT"), "database");
  database_ = nullptr;
  return absl::OkStatus();
}

}  // namespace nacre::attestation
