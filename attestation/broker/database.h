// One SQLite file behind two small types. WAL journal, synchronous=FULL (an answered write survives
// a power cut), foreign keys on, statements prepared once. Used by one thread at a time: the store
// has the lock.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/status.h"

struct sqlite3;
struct sqlite3_stmt;

namespace nacre::attestation {

// A prepared statement being used: bind in order, then step. Its destructor resets it for the next
// use and clears what was bound.
class Statement {
 public:
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  Statement(Statement&& other) noexcept : statement_(other.statement_), bound_(other.bound_) {
    other.statement_ = nullptr;
  }
  Statement(const Statement&) = delete;
  ~Statement();

  Statement& Bind(std::string_view text);
  Statement& Bind(ByteView blob);
  Statement& Bind(int64_t number);

  // True while there is a row. kAlreadyExists when a unique key is taken, kResourceExhausted when
  // the disk is full, kUnavailable when another program holds the file, else kInternal.
  absl::StatusOr<bool> Step();
  // For statements without rows.
  absl::Status Run();

  // Columns of the row, from 0. Valid until the next Step.
  int64_t Number(int column) const;
  std::string_view Text(int column) const;
  ByteView Blob(int column) const;

 private:
  sqlite3_stmt* statement_;
  int bound_ = 0;
};

class Database {
 public:
  // Opens or makes the file (mode 0600). Errors are one line and name it: not a database, damaged,
  // no permission.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& path);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Prepared on first use and kept. `sql` is one of this program's own literals.
  absl::StatusOr<Statement> Prepare(std::string_view sql);
  // Several statements, no parameters.
  absl::Status Execute(const std::string& sql);
  // Rows changed by the last statement that ran.
  int64_t changes() const;

 private:
  Database(sqlite3* handle, std::string path) : handle_(handle), path_(std::move(path)) {}
  absl::Status Configure();

  sqlite3* handle_;
  std::string path_;
  std::map<std::string, sqlite3_stmt*, std::less<>> statements_;
};

// BEGIN IMMEDIATE ... COMMIT; rolled back by the destructor when Commit was not called or failed.
class Transaction {
 public:
  static absl::StatusOr<Transaction> Begin(Database& database);
  Transaction(Transaction&& other) noexcept;
  Transaction(const Transaction&) = delete;
  ~Transaction();
  absl::Status Commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;
};

}  // namespace nacre::attestation
