// Values travel in binary form, so that bytes are bytes and numbers are not parsed: int8 as eight
// bytes big-endian, text and bytea as they are. Statements are prepared per connection on first
// use. A connection that failed is thrown away by the pool (sql.cc), which also decides what may be
// tried again.
#include "attestation/broker/storage/postgres.h"

#include <libpq-fe.h>
#include <poll.h>

#include <map>
#include <set>

#include "base/strings.h"

namespace nacre::attestation::sql {
namespace {

// Object ids of types, fixed in PostgreSQL's catalogue (pg_type.dat).
constexpr Oid kBytea = 17;
constexpr Oid kInt8 = 20;
constexpr Oid kText = 25;
constexpr int kBinary = 1;

struct FreeResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Result = std::unique_ptr<PGresult, FreeResult>;

// libpq's messages end in a line feed and may have several lines.
std::string OneLine(std::string_view text) {
  std::string out;
  for (char c : StripSpace(text)) {
    const bool space = c == '\n' || c == '\r' || c == '\t';
    if (!space || (!out.empty() && out.back() != ' ')) out += space ? ' ' : c;
  }
  return out;
}

// By SQLSTATE (PostgreSQL's appendix A); the first two characters are its class.
absl::StatusCode CodeOf(std::string_view state) {
  static const std::map<std::string_view, absl::StatusCode> kStates = {
      {"23505", absl::StatusCode::kAlreadyExists},
      {"40001", absl::StatusCode::kAborted},           // serialization_failure
      {"40P01", absl::StatusCode::kAborted},           // deadlock_detected
      {"57014", absl::StatusCode::kDeadlineExceeded},  // statement_timeout
      {"55P03", absl::StatusCode::kUnavailable},       // lock_not_available
      {"42501", absl::StatusCode::kPermissionDenied},
      {"3D000", absl::StatusCode::kNotFound},     // no such database
      {"25006", absl::StatusCode::kUnavailable},  // a standby takes no writes
  };
  static const std::map<std::string_view, absl::StatusCode> kClasses = {
      {"08", absl::StatusCode::kUnavailable},
      {"28", absl::StatusCode::kPermissionDenied},
      {"53", absl::StatusCode::kResourceExhausted},
      {"57", absl::StatusCode::kUnavailable},  // the server is being shut down
      {"XX", absl::StatusCode::kDataLoss},
  };
  if (auto found = kStates.find(state); found != kStates.end()) return found->second;
  if (auto found = kClasses.find(state.substr(0, 2)); found != kClasses.end()) {
    return found->second;
  }
  return absl::StatusCode::kInternal;
}

absl::Status MakeStatus(absl::StatusCode code, const std::string& message) {
  return absl::Status(code, message);
}

// What libpq is given, as name and value.
class Settings {
 public:
  // Takes `url` apart and sees to TLS.
  static absl::StatusOr<Settings> From(const PostgresOptions& options);
  std::string Describe() const;
  PGconn* Connect(const SecretBytes& password) const;

 private:
  std::string Get(const std::string& name) const {
    auto found = values_.find(name);
    return found == values_.end() ? "" : found->second;
  }
  absl::Status SeeToTls();
  std::map<std::string, std::string> values_;
};

absl::StatusOr<Settings> Settings::From(const PostgresOptions& options) {
  char* error = nullptr;
  PQconninfoOption* parsed = PQconninfoParse(options.url.c_str(), &error);
  if (parsed == nullptr) {
    const std::string why = OneLine(error == nullptr ? "out of memory" : error);
    PQfreemem(error);
    return absl::InvalidArgumentError(StrCat("PostgreSQL url: ", why));
  }
  Settings out;
  for (const PQconninfoOption* option = parsed; option->keyword != nullptr; ++option) {
    if (option->val != nullptr) out.values_[option->keyword] = option->val;
  }
  PQconninfoFree(parsed);
  if (out.values_.contains("password")) {
    return absl::InvalidArgumentError(
        "PostgreSQL url: it holds a password; put that into a file and name it in password_file");
  }
  RETURN_IF_ERROR(out.SeeToTls());
  out.values_.try_emplace("connect_timeout", StrCat(options.connect_timeout_s));
  out.values_.try_emplace("application_name", "nacre-kbs");
  // A peer that is gone without a word is noticed within half a minute.
  out.values_.try_emplace("keepalives_idle", "10");
  out.values_.try_emplace("keepalives_interval", "5");
  out.values_.try_emplace("keepalives_count", "4");
  out.values_["client_encoding"] = "UTF8";
  StrAppend(&out.values_["options"], " -c statement_timeout=", options.statement_timeout_ms,
            " -c lock_timeout=", options.statement_timeout_ms,
            " -c idle_in_transaction_session_timeout=60000 -c synchronous_commit=on");
  return out;
}

absl::Status Settings::SeeToTls() {
  static const std::set<std::string> kClear = {"verify-full", "verify-ca", "require", "disable"};
  const std::string host = Get("host");
  const std::string mode = Get("sslmode");
  if (!mode.empty() && !kClear.contains(mode)) {
    return absl::InvalidArgumentError(StrCat("PostgreSQL url: sslmode=", mode,
                                             " may fall back to plain text unseen; use "
                                             "verify-full, verify-ca, require or disable"));
  }
  const bool local = host.empty() || host.starts_with('/') || host.starts_with('@');
  if (mode.empty() && !local) values_["sslmode"] = "verify-full";
  return absl::OkStatus();
}

std::string Settings::Describe() const {
  const std::string host = Get("host").empty() ? Get("hostaddr") : Get("host");
  return StrCat("PostgreSQL database ", Get("dbname"), " at ", host.empty() ? "local" : host,
                Get("port").empty() ? "" : StrCat(":", Get("port")));
}

PGconn* Settings::Connect(const SecretBytes& password) const {
  std::vector<const char*> names, values;
  for (const auto& [name, value] : values_) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  SecretBytes secret(password.size() + 1);  // ends in 0
  std::copy(password.view().begin(), password.view().end(), secret.mutable_view().begin());
  if (!password.empty()) {
    names.push_back("password");
    values.push_back(reinterpret_cast<const char*>(secret.view().data()));
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  return PQconnectdbParams(names.data(), values.data(), 0);
}

// Parameters of one call in libpq's four arrays.
struct Bound {
  explicit Bound(const Parameters& parameters) {
    numbers.reserve(parameters.size());  // values point into it
    for (const Parameter& parameter : parameters) Add(parameter);
  }
  void Add(const Parameter& parameter) {
    ByteView bytes;
    if (const auto* number = std::get_if<int64_t>(&parameter)) {
      ByteWriter writer;
      numbers.push_back(writer.U64Be(static_cast<uint64_t>(*number)).Release());
      bytes = numbers.back();
      types.push_back(kInt8);
    } else if (const auto* text = std::get_if<std::string_view>(&parameter)) {
      bytes = AsBytes(*text);
      types.push_back(kText);
    } else {
      bytes = std::get<ByteView>(parameter);
      types.push_back(kBytea);
    }
    // A null pointer would be NULL, which no column takes.
    values.push_back(bytes.data() == nullptr ? "" : reinterpret_cast<const char*>(bytes.data()));
    sizes.push_back(static_cast<int>(bytes.size()));
    formats.push_back(kBinary);
  }
  std::vector<Bytes> numbers;
  std::vector<Oid> types;
  std::vector<const char*> values;
  std::vector<int> sizes;
  std::vector<int> formats;
};

absl::StatusOr<Value> Cell(const PGresult* result, int row, int column) {
  const auto* data = reinterpret_cast<const uint8_t*>(PQgetvalue(result, row, column));
  const ByteView bytes(data, static_cast<size_t>(PQgetlength(result, row, column)));
  switch (PQftype(result, column)) {
    case kInt8: {
      ASSIGN_OR_RETURN(const uint64_t number, ByteReader(bytes).U64Be("int8"));
      return static_cast<int64_t>(number);
    }
    case kText:
      return std::string(AsText(bytes));
    case kBytea:
      return ToBytes(bytes);
    default:
      return absl::InternalError(
          StrCat("PostgreSQL: column ", column, " has a type this program does not ask for"));
  }
}

class PostgresConnection : public Connection {
 public:
  explicit PostgresConnection(PGconn* handle) : handle_(handle) {}
  ~PostgresConnection() override { PQfinish(handle_); }
  using Queryable::Query;
  Engine engine() const override { return Engine::kPostgresql; }
  absl::StatusOr<Rows> Query(std::string_view sql, const Parameters& parameters) override;
  absl::Status Execute(const std::string& sql) override {
    return Check(Result(PQexec(handle_, sql.c_str()))).status();
  }
  // Changes take the lock of the audit log's head first (audit.h), so READ COMMITTED is enough for
  // them: each sees all that the one before it did.
  absl::Status Begin(Access access) override {
    return Execute(access == Access::kWrite ? "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
                                            : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  }
  absl::Status Commit() override {
    ASSIGN_OR_RETURN(const Result result, Check(Result(PQexec(handle_, "COMMIT"))));
    // COMMIT of a failed transaction is a ROLLBACK that calls itself a success.
    if (std::string_view(PQcmdStatus(result.get())) == "COMMIT") return absl::OkStatus();
    return absl::InternalError("PostgreSQL: the transaction had failed before it ended");
  }
  absl::Status Rollback() override {
    if (PQtransactionStatus(handle_) == PQTRANS_IDLE) return absl::OkStatus();
    return Execute("ROLLBACK");
  }
  bool broken() const override {
    return lost_ || PQstatus(handle_) != CONNECTION_OK ||
           PQtransactionStatus(handle_) == PQTRANS_UNKNOWN;
  }
  // A server says nothing unasked but goodbye.
  bool alive() override {
    pollfd socket = {.fd = PQsocket(handle_), .events = POLLIN, .revents = 0};
    return !broken() && ::poll(&socket, 1, 0) == 0;
  }

 private:
  absl::StatusOr<Result> Check(Result result);
  absl::StatusOr<std::string> Prepare(std::string_view sql, const Bound& bound);
  PGconn* handle_;
  bool lost_ = false;
  std::map<std::string, std::string, std::less<>> statements_;  // sql to name
};

absl::StatusOr<Result> PostgresConnection::Check(Result result) {
  if (result == nullptr || broken()) {
    return absl::UnavailableError(StrCat("PostgreSQL: ", OneLine(PQerrorMessage(handle_))));
  }
  const ExecStatusType status = PQresultStatus(result.get());
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) return result;
  const char* state = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
  // Without a SQLSTATE the server did not say it: libpq did, of the connection.
  if (state == nullptr) {
    lost_ = true;
    return absl::UnavailableError(
        StrCat("PostgreSQL: ", OneLine(PQresultErrorMessage(result.get()))));
  }
  return MakeStatus(CodeOf(state),
                    StrCat("PostgreSQL: ", OneLine(PQresultErrorMessage(result.get()))));
}

absl::StatusOr<std::string> PostgresConnection::Prepare(std::string_view sql, const Bound& bound) {
  auto found = statements_.find(sql);
  if (found != statements_.end()) return found->second;
  const std::string name = StrCat("s", statements_.size());
  RETURN_IF_ERROR(Check(Result(PQprepare(handle_, name.c_str(), std::string(sql).c_str(),
                                         static_cast<int>(bound.types.size()), bound.types.data())))
                      .status());
  statements_.emplace(sql, name);
  return name;
}

absl::StatusOr<Rows> PostgresConnection::Query(std::string_view sql, const Parameters& parameters) {
  const Bound bound(parameters);
  ASSIGN_OR_RETURN(const std::string name, Prepare(sql, bound));
  ASSIGN_OR_RETURN(const Result result,
                   Check(Result(PQexecPrepared(
                       handle_, name.c_str(), static_cast<int>(bound.values.size()),
                       bound.values.data(), bound.sizes.data(), bound.formats.data(), kBinary))));
  Rows rows;
  for (int row = 0; row < PQntuples(result.get()); ++row) {
    std::vector<Value>& cells = rows.rows.emplace_back();
    for (int column = 0; column < PQnfields(result.get()); ++column) {
      ASSIGN_OR_RETURN(Value value, Cell(result.get(), row, column));
      cells.push_back(std::move(value));
    }
  }
  const std::string_view changed = PQcmdTuples(result.get());
  if (!changed.empty() && !ParseNumber(changed, &rows.changed)) {
    return absl::InternalError("PostgreSQL: an answer counts its rows in no number");
  }
  return rows;
}

class PostgresDatabase : public Database {
 public:
  PostgresDatabase(PostgresOptions options, Settings settings)
      : Database(options.max_connections),
        options_(std::move(options)),
        settings_(std::move(settings)) {}
  Engine engine() const override { return Engine::kPostgresql; }
  std::string Describe() const override { return settings_.Describe(); }
  absl::StatusOr<std::unique_ptr<Connection>> Connect() override {
    PGconn* handle = settings_.Connect(options_.password);
    if (handle == nullptr) return absl::ResourceExhaustedError("PostgreSQL: out of memory");
    auto connection = std::make_unique<PostgresConnection>(handle);
    if (PQstatus(handle) == CONNECTION_OK) return connection;
    const std::string why = OneLine(PQerrorMessage(handle));
    const bool refused = why.find("authentication") != std::string::npos ||
                         why.find("does not exist") != std::string::npos ||
                         why.find("no password supplied") != std::string::npos;
    return MakeStatus(
        refused ? absl::StatusCode::kPermissionDenied : absl::StatusCode::kUnavailable,
        StrCat(Describe(), ": ", why));
  }

 private:
  PostgresOptions options_;
  Settings settings_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Database>> OpenPostgres(PostgresOptions options) {
  ASSIGN_OR_RETURN(Settings settings, Settings::From(options));
  auto database = std::make_unique<PostgresDatabase>(std::move(options), std::move(settings));
  RETURN_IF_ERROR(database->Query("SELECT 'connected'::text").status());
  return database;
}

}  // namespace nacre::attestation::sql
