#include "attestation/broker/storage/sqlite.h"

#include <fcntl.h>
#include <sqlite3.h>

#include <map>

#include "base/file.h"
#include "base/strings.h"

namespace nacre::attestation::sql {
namespace {

constexpr int kBusyTimeoutMs = 10'000;
constexpr size_t kConnections = 4;

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

// A statement at work; its destructor makes it ready for the next use.
class Running {
 public:
  explicit Running(sqlite3_stmt* statement) : statement_(statement) {}
  Running(const Running&) = delete;
  ~Running() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }

 private:
  sqlite3_stmt* statement_;
};

int Bind(sqlite3_stmt* statement, int index, const Parameter& parameter) {
  if (const auto* number = std::get_if<int64_t>(&parameter)) {
    return sqlite3_bind_int64(statement, index, *number);
  }
  if (const auto* text = std::get_if<std::string_view>(&parameter)) {
    const char* data = text->data() == nullptr ? "" : text->data();
    return sqlite3_bind_text64(statement, index, data, text->size(), SQLITE_STATIC, SQLITE_UTF8);
  }
  const ByteView bytes = std::get<ByteView>(parameter);
  const void* data = bytes.empty() ? static_cast<const void*>("") : bytes.data();
  return sqlite3_bind_blob64(statement, index, data, bytes.size(), SQLITE_STATIC);
}

Value Column(sqlite3_stmt* statement, int column) {
  const int type = sqlite3_column_type(statement, column);
  if (type == SQLITE_INTEGER) return int64_t{sqlite3_column_int64(statement, column)};
  const auto* data = static_cast<const uint8_t*>(sqlite3_column_blob(statement, column));
  const auto size = static_cast<size_t>(sqlite3_column_bytes(statement, column));
  if (type == SQLITE_BLOB) return Bytes(data, data + size);
  return std::string(AsText(ByteView(data, size)));
}

class SqliteConnection : public Connection {
 public:
  static absl::StatusOr<std::unique_ptr<Connection>> Open(const std::string& path);
  ~SqliteConnection() override {
    for (auto& [sql, statement] : statements_) sqlite3_finalize(statement.handle);
    sqlite3_close(handle_);
  }

  using Queryable::Query;
  Engine engine() const override { return Engine::kSqlite; }
  absl::StatusOr<Rows> Query(std::string_view sql, const Parameters& parameters) override;
  absl::Status Execute(const std::string& sql) override {
    return Check(sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr));
  }
  absl::Status Begin(Access access) override {
    return Query(access == Access::kRead ? "BEGIN" : "BEGIN IMMEDIATE").status();
  }
  absl::Status Commit() override { return Query("COMMIT").status(); }
  absl::Status Rollback() override {
    return sqlite3_get_autocommit(handle_) != 0 ? absl::OkStatus() : Query("ROLLBACK").status();
  }
  bool broken() const override { return false; }

 private:
  SqliteConnection(sqlite3* handle, std::string path) : handle_(handle), path_(std::move(path)) {}
  absl::Status Check(int code) const {
    if (code == SQLITE_OK) return absl::OkStatus();
    return SqliteStatus(code, StrCat("database ", path_, ": ", sqlite3_errmsg(handle_)));
  }
  struct Statement {
    sqlite3_stmt* handle = nullptr;
    std::vector<int> parameters;  // SQLite's number of $1, $2, ...; 0 for one that does not occur
  };
  absl::StatusOr<const Statement*> Prepare(std::string_view sql, size_t parameters);

  sqlite3* handle_;
  std::string path_;
  std::map<std::string, Statement, std::less<>> statements_;
};

absl::StatusOr<std::unique_ptr<Connection>> SqliteConnection::Open(const std::string& path) {
  sqlite3* handle = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &handle,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, nullptr);
  std::unique_ptr<SqliteConnection> connection(new SqliteConnection(handle, path));
  if (code != SQLITE_OK) {
    return SqliteStatus(code, StrCat("database ", path, ": ", sqlite3_errstr(code)));
  }
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, kBusyTimeoutMs);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  RETURN_IF_ERROR(connection->Execute(
      "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
      "PRAGMA secure_delete=ON; PRAGMA cell_size_check=ON;"));
  return connection;
}

absl::StatusOr<const SqliteConnection::Statement*> SqliteConnection::Prepare(std::string_view sql,
                                                                             size_t parameters) {
  auto found = statements_.find(sql);
  if (found != statements_.end()) return &found->second;
  Statement statement;
  RETURN_IF_ERROR(Check(sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                           SQLITE_PREPARE_PERSISTENT, &statement.handle, nullptr)));
  for (size_t i = 1; i <= parameters; ++i) {
    statement.parameters.push_back(
        sqlite3_bind_parameter_index(statement.handle, StrCat("$", i).c_str()));
  }
  return &statements_.emplace(sql, std::move(statement)).first->second;
}

absl::StatusOr<Rows> SqliteConnection::Query(std::string_view sql, const Parameters& parameters) {
  ASSIGN_OR_RETURN(const Statement* prepared, Prepare(sql, parameters.size()));
  sqlite3_stmt* const statement = prepared->handle;
  Running running(statement);
  for (size_t i = 0; i < parameters.size(); ++i) {
    const int index = i < prepared->parameters.size() ? prepared->parameters[i] : 0;
    RETURN_IF_ERROR(Check(Bind(statement, index, parameters[i])));
  }
  Rows rows;
  const int64_t before = sqlite3_total_changes64(handle_);
  int code = 0;
  while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
    std::vector<Value>& row = rows.rows.emplace_back();
    for (int i = 0; i < sqlite3_column_count(statement); ++i) row.push_back(Column(statement, i));
  }
  if (code != SQLITE_DONE) return Check(code);
  rows.changed = sqlite3_total_changes64(handle_) - before;
  return rows;
}

class SqliteDatabase : public Database {
 public:
  explicit SqliteDatabase(std::string path) : Database(kConnections), path_(std::move(path)) {}
  Engine engine() const override { return Engine::kSqlite; }
  std::string Describe() const override { return "database " + path_; }
  absl::StatusOr<std::unique_ptr<Connection>> Connect() override {
    return SqliteConnection::Open(path_);
  }

 private:
  std::unique_lock<std::mutex> QueueToWrite() override { return std::unique_lock(writers_); }
  std::string path_;
  std::mutex writers_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Database>> OpenSqlite(const std::string& path) {
  // Made here so that it is never readable by others, not even for a moment.
  ASSIGN_OR_RETURN(UniqueFd made, OpenFile(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600), "database");
  made.Reset();
  auto database = std::make_unique<SqliteDatabase>(path);
  RETURN_IF_ERROR(database->Query("SELECT count(*) FROM sqlite_master").status());
  return database;
}

}  // namespace nacre::attestation::sql
