#include "attestation/broker/storage/storage_config.h"

#include <sys/stat.h>

#include "attestation/broker/storage/postgres.h"
#include "attestation/broker/storage/sqlite.h"
#include "base/file.h"
#include "base/strings.h"

namespace nacre::attestation {
namespace {

constexpr size_t kMaxPassword = 4096;

absl::Status Wrong(const std::string& where, std::string_view what) {
  return absl::InvalidArgumentError(StrCat(where, ": ", what));
}

absl::Status CheckKind(const StorageConfig& config, const std::string& where) {
  if (config.master_key.empty()) return Wrong(where, "master_key is missing");
  if (config.kind == "sqlite") {
    if (config.database.empty()) return Wrong(where, "database is missing");
    if (!config.url.empty()) return Wrong(where, "url belongs to kind = \"postgresql\"");
    if (!config.password_file.empty()) {
      return Wrong(where, "password_file belongs to kind = \"postgresql\"");
    }
    return absl::OkStatus();
  }
  if (config.url.empty()) return Wrong(where, "url is missing");
  if (!config.database.empty()) return Wrong(where, "database belongs to kind = \"sqlite\"");
  return absl::OkStatus();
}

// Without the line end that editors leave.
absl::StatusOr<SecretBytes> ReadPassword(const std::string& path) {
  ASSIGN_OR_RETURN(Bytes contents, ReadFile(path, kMaxPassword), "password_file");
  const SecretBytes text = SecretBytes::TakeFrom(std::move(contents));
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return ErrnoStatus(errno, path);
  if ((info.st_mode & 077) != 0) {
    return absl::FailedPreconditionError(
        StrCat("password_file: ", path, " can be read by others; chmod it to 600"));
  }
  ByteView password = text.view();
  while (!password.empty() && (password.back() == '\n' || password.back() == '\r')) {
    password = password.first(password.size() - 1);
  }
  if (password.empty()) return absl::InvalidArgumentError(StrCat(path, " is empty"));
  return SecretBytes::CopyOf(password);
}

}  // namespace

absl::Status ReadStorageConfig(TableReader& table, const std::string& where,
                               const std::string& folder, StorageConfig* config) {
  config->folder = folder;
  table.Choice("kind", &config->kind, {"sqlite", "postgresql"})
      .String("database", &config->database)
      .String("url", &config->url)
      .String("password_file", &config->password_file)
      .Uint("connections", &config->connections, 1, 200)
      .Uint("statement_timeout_ms", &config->statement_timeout_ms, 100, 600'000)
      .String("master_key", &config->master_key);
  RETURN_IF_ERROR(table.Finish());
  return CheckKind(*config, where);
}

absl::StatusOr<std::unique_ptr<sql::Database>> OpenDatabase(const StorageConfig& config) {
  if (config.kind == "sqlite") return sql::OpenSqlite(InFolder(config.database, config.folder));
  sql::PostgresOptions options;
  options.url = config.url;
  options.max_connections = config.connections;
  options.statement_timeout_ms = config.statement_timeout_ms;
  if (!config.password_file.empty()) {
    ASSIGN_OR_RETURN(options.password, ReadPassword(InFolder(config.password_file, config.folder)));
  }
  return sql::OpenPostgres(std::move(options));
}

absl::StatusOr<std::unique_ptr<MasterKey>> OpenMasterKey(const StorageConfig& config) {
  return OpenMasterKey(config.master_key, config.folder);
}

}  // namespace nacre::attestation
