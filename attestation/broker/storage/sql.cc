// Which failures may be tried again is the one subtle thing here. Before COMMIT has been sent,
// whatever a lost connection did is undone by the server, so the work may run again on another
// connection. After that the server may have committed and only its answer be lost; running again
// could do the work twice, so the caller is told that nobody knows.
#include "attestation/broker/storage/sql.h"

#include <chrono>

#include "base/strings.h"

namespace nacre::attestation::sql {
namespace {

constexpr int kAttempts = 10;
constexpr auto kConnectionWait = std::chrono::seconds(10);

template <typename T>
const T* Cell(const Rows& rows, size_t row, size_t column) {
  if (row >= rows.rows.size() || column >= rows.rows[row].size()) return nullptr;
  return std::get_if<T>(&rows.rows[row][column]);
}

absl::Status OutcomeUnknown(const absl::Status& status) {
  return absl::UnavailableError(StrCat(
      Message(status), "; it is not known whether the change was made: look before repeating"));
}

}  // namespace

int64_t Rows::Number(size_t row, size_t column) const {
  const int64_t* number = Cell<int64_t>(*this, row, column);
  return number == nullptr ? 0 : *number;
}

std::string Rows::Text(size_t row, size_t column) const {
  const std::string* text = Cell<std::string>(*this, row, column);
  return text == nullptr ? "" : *text;
}

ByteView Rows::Blob(size_t row, size_t column) const {
  const Bytes* bytes = Cell<Bytes>(*this, row, column);
  return bytes == nullptr ? ByteView() : ByteView(*bytes);
}

// A connection on loan, given back whatever happens.
class Database::Lease {
 public:
  Lease(Database& database, std::unique_ptr<Connection> connection, Access access)
      : database_(database), connection_(std::move(connection)), access_(access) {}
  Lease(const Lease&) = delete;
  ~Lease() { database_.Return(std::move(connection_), access_); }
  Connection& operator*() { return *connection_; }
  Connection* operator->() { return connection_.get(); }

 private:
  Database& database_;
  std::unique_ptr<Connection> connection_;
  const Access access_;
};

std::vector<std::unique_ptr<Connection>>& Database::IdleFor(Access access) {
  const bool apart = access == Access::kWrite && engine() == Engine::kSqlite;
  return apart ? idle_writers_ : idle_;
}

absl::StatusOr<std::unique_ptr<Connection>> Database::Take(Access access) {
  std::unique_lock lock(mutex_);
  if (!returned_.wait_for(lock, kConnectionWait, [this] { return in_use_ < max_connections_; })) {
    return absl::UnavailableError(StrCat(Describe(), ": all ", max_connections_,
                                         " connections have been busy for ",
                                         kConnectionWait.count(), " s"));
  }
  ++in_use_;
  std::vector<std::unique_ptr<Connection>>& idle = IdleFor(access);
  while (!idle.empty()) {
    std::unique_ptr<Connection> connection = std::move(idle.back());
    idle.pop_back();
    if (connection->alive()) return connection;
  }
  lock.unlock();
  auto made = Connect();
  if (!made.ok()) Return(nullptr, access);
  return made;
}

void Database::Return(std::unique_ptr<Connection> connection, Access access) {
  std::vector<std::unique_ptr<Connection>> dropped;
  {
    std::lock_guard lock(mutex_);
    --in_use_;
    if (connection != nullptr && connection->broken()) {
      // The server went away: its other connections are as dead, and would each fail once.
      dropped.swap(idle_);
    } else if (connection != nullptr) {
      IdleFor(access).push_back(std::move(connection));
    }
  }
  returned_.notify_one();
}

absl::Status Database::Attempt(Access access, const Work& work, bool* again) {
  *again = false;
  std::unique_lock<std::mutex> turn;
  if (access == Access::kWrite) turn = QueueToWrite();
  ASSIGN_OR_RETURN(std::unique_ptr<Connection> taken, Take(access));
  Lease connection(*this, std::move(taken), access);
  absl::Status status = connection->Begin(access);
  if (status.ok()) status = work(*connection);
  if (!status.ok()) {
    *again = absl::IsAborted(status) || connection->broken();
    connection->Rollback().IgnoreError();  // what fails here is undone when the connection ends
    return status;
  }
  status = connection->Commit();
  if (status.ok()) return status;
  *again = absl::IsAborted(status) || access == Access::kRead;
  if (connection->broken() && access == Access::kWrite) {
    return OutcomeUnknown(status);
  }
  connection->Rollback().IgnoreError();
  return status;
}

absl::Status Database::Run(Access access, const Work& work) {
  absl::Status status;
  bool again = true;
  for (int attempt = 0; attempt < kAttempts && again; ++attempt) {
    status = Attempt(access, work, &again);
    if (status.ok()) return status;
  }
  return status;
}

absl::Status Database::Write(const Work& work) { return Run(Access::kWrite, work); }
absl::Status Database::Read(const Work& work) { return Run(Access::kRead, work); }

absl::StatusOr<Rows> Database::WriteOne(std::string_view sql, const Parameters& parameters) {
  absl::StatusOr<Rows> rows = absl::InternalError("not run");
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const std::unique_lock<std::mutex> turn = QueueToWrite();
    ASSIGN_OR_RETURN(std::unique_ptr<Connection> taken, Take(Access::kWrite));
    Lease connection(*this, std::move(taken), Access::kWrite);
    rows = connection->Query(sql, parameters);
    if (connection->broken()) return OutcomeUnknown(rows.status());
    if (!absl::IsAborted(rows.status())) return rows;
  }
  return rows;
}

absl::StatusOr<Rows> Database::Query(std::string_view sql, const Parameters& parameters) {
  absl::StatusOr<Rows> rows = absl::InternalError("not run");
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    ASSIGN_OR_RETURN(std::unique_ptr<Connection> taken, Take(Access::kRead));
    Lease connection(*this, std::move(taken), Access::kRead);
    rows = connection->Query(sql, parameters);
    if (rows.ok() || !connection->broken()) return rows;
  }
  return rows;
}

}  // namespace nacre::attestation::sql
