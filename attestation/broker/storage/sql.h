// A small relational database behind one face, so that the store is written once and runs on SQLite
// (one broker, no server) and on PostgreSQL (many replicas). The SQL is what both speak: parameters
// $1, $2 ..., whole numbers of 64 bits, text and bytes, no NULL, ON CONFLICT and RETURNING.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"

namespace nacre::attestation::sql {

enum class Engine { kSqlite, kPostgresql };

// What a parameter is bound to; views what it is made of.
using ParameterValue = std::variant<int64_t, std::string_view, ByteView>;
struct Parameter : ParameterValue {
  Parameter(int64_t number) : ParameterValue(number) {}
  Parameter(const char* text) : ParameterValue(std::string_view(text)) {}
  Parameter(std::string_view text) : ParameterValue(text) {}
  Parameter(const std::string& text) : ParameterValue(std::string_view(text)) {}
  Parameter(ByteView bytes) : ParameterValue(bytes) {}
  Parameter(const Bytes& bytes) : ParameterValue(ByteView(bytes)) {}
};
using Parameters = std::vector<Parameter>;

using Value = std::variant<int64_t, std::string, Bytes>;

// All rows of an answer. A column of another type than asked for reads as 0 or empty.
struct Rows {
  std::vector<std::vector<Value>> rows;
  int64_t changed = 0;  // rows inserted, updated or deleted

  size_t size() const { return rows.size(); }
  bool empty() const { return rows.empty(); }
  int64_t Number(size_t row, size_t column) const;
  std::string Text(size_t row, size_t column) const;
  ByteView Blob(size_t row, size_t column) const;
};

enum class Access {
  kWrite,  // sees the newest; on SQLite the only writer
  kRead,   // one unchanging view of everything
};

// Codes: kAlreadyExists a unique key is taken; kAborted the transaction lost against another one
// and may be tried again; kUnavailable the database cannot be reached or is busy; kDeadlineExceeded
// a statement ran too long; kResourceExhausted no room; kPermissionDenied; kDataLoss a damaged
// file; else kInternal. Messages are one line.
class Queryable {
 public:
  virtual ~Queryable() = default;
  // `sql` is one statement and one of this program's own literals: it is prepared once and kept.
  virtual absl::StatusOr<Rows> Query(std::string_view sql, const Parameters& parameters) = 0;
  absl::StatusOr<Rows> Query(std::string_view sql) { return Query(sql, {}); }
};

// Used by one thread at a time.
class Connection : public Queryable {
 public:
  using Queryable::Query;
  virtual Engine engine() const = 0;
  // Several statements without parameters or rows.
  virtual absl::Status Execute(const std::string& sql) = 0;
  virtual absl::Status Begin(Access access) = 0;
  virtual absl::Status Commit() = 0;
  virtual absl::Status Rollback() = 0;
  // True when it can only be thrown away.
  virtual bool broken() const = 0;
  // False when the other end has closed it since it was last used.
  virtual bool alive() { return true; }
};

// Connections to one database, made when needed and kept. Thread-safe.
class Database : public Queryable {
 public:
  using Work = std::function<absl::Status(Connection&)>;
  using Queryable::Query;

  virtual Engine engine() const = 0;
  virtual std::string Describe() const = 0;  // for errors: the file, or server and database

  // Runs `work` in one transaction; an error of `work` undoes it. Work whose transaction was lost
  // (kAborted, or the connection ended before COMMIT was sent) runs again, so it must set all it
  // gives back each time. kUnavailable "... it is not known whether ..." when the connection ended
  // between COMMIT and its answer.
  absl::Status Write(const Work& work);
  absl::Status Read(const Work& work);
  // One changing statement of its own: cheaper than a transaction around it. Not run again when the
  // connection is lost: then kUnavailable "... it is not known whether ...".
  absl::StatusOr<Rows> WriteOne(std::string_view sql, const Parameters& parameters);
  // One reading statement of its own.
  absl::StatusOr<Rows> Query(std::string_view sql, const Parameters& parameters) override;

 protected:
  explicit Database(size_t max_connections) : max_connections_(max_connections) {}
  virtual absl::StatusOr<std::unique_ptr<Connection>> Connect() = 0;

 private:
  class Lease;
  absl::StatusOr<std::unique_ptr<Connection>> Take(Access access);
  void Return(std::unique_ptr<Connection> connection, Access access);
  std::vector<std::unique_ptr<Connection>>& IdleFor(Access access);
  absl::Status Attempt(Access access, const Work& work, bool* again);
  absl::Status Run(Access access, const Work& work);
  // Held by whoever writes, from before it takes a connection: SQLite's writers queue here and not
  // at its lock, which only polls, and leave the connections to readers.
  virtual std::unique_lock<std::mutex> QueueToWrite() { return {}; }

  const size_t max_connections_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<Connection>> idle_;
  // SQLite's only: what a connection has read is good until another one writes, so one does all
  // the writing.
  std::vector<std::unique_ptr<Connection>> idle_writers_;
  size_t in_use_ = 0;
};

}  // namespace nacre::attestation::sql
