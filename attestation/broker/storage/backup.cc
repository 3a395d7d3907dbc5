// Rows are read in pages by their key, inside one read transaction: a snapshot on both engines,
// that holds nobody up. Rows are written back by the statements made from the same table of shapes
// (migrations.h), in one transaction that also checks what came out.
#include "attestation/broker/storage/backup.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>

#include "attestation/broker/storage/backup_file.h"
#include "attestation/broker/storage/migrations.h"
#include "attestation/broker/storage/sealer.h"
#include "base/file.h"
#include "base/strings.h"

namespace nacre::attestation {
namespace {

constexpr int64_t kPage = 16;  // resources have up to two megabytes each

sql::Parameter ParameterOf(const sql::Value& value) {
  if (const auto* number = std::get_if<int64_t>(&value)) return *number;
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  return std::get<Bytes>(value);
}

absl::Status DumpTable(sql::Connection& connection, const TableShape& table, BackupWriter& writer,
                       int64_t* rows) {
  const std::string begin = StrCat("SELECT ", table.columns, " FROM ", table.name);
  const std::string end = StrCat(" ORDER BY ", table.order, " LIMIT $1");
  const std::string first = begin + end;
  const std::string next = StrCat(begin, " WHERE ", table.order, " > $2", end);
  std::vector<sql::Value> at;
  while (true) {
    sql::Parameters parameters = {kPage};
    if (!at.empty()) parameters.push_back(ParameterOf(at[0]));
    ASSIGN_OR_RETURN(sql::Rows page, connection.Query(at.empty() ? first : next, parameters));
    if (page.empty()) return absl::OkStatus();
    for (const std::vector<sql::Value>& row : page.rows) {
      RETURN_IF_ERROR(writer.Add(table.name, row));
      ++*rows;
    }
    at = std::move(page.rows.back());
  }
}

absl::Status DumpAll(sql::Connection& connection, MasterKey& master, int fd, int64_t now,
                     int64_t* rows) {
  *rows = 0;
  ASSIGN_OR_RETURN(BackupWriter writer, BackupWriter::Begin(fd, master, now, SchemaStep()));
  for (const TableShape& table : BackupTables()) {
    RETURN_IF_ERROR(DumpTable(connection, table, writer, rows), table.name);
  }
  return writer.Finish();
}

absl::Status CheckEmpty(sql::Connection& connection) {
  for (const TableShape& table : BackupTables()) {
    ASSIGN_OR_RETURN(const sql::Rows rows,
                     connection.Query(StrCat("SELECT count(*) FROM ", table.name)));
    if (rows.Number(0, 0) != 0) {
      return absl::FailedPreconditionError(
          StrCat("the store is not empty (", table.name,
                 " has rows): restore into a new database, nothing is written over"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> InsertStatement(const BackupRow& row) {
  for (const TableShape& table : BackupTables()) {
    if (table.name != row.table) continue;
    if (StrSplit(table.columns, ',').size() != row.values.size()) break;
    std::string marks;
    for (size_t i = 1; i <= row.values.size(); ++i) StrAppend(&marks, i == 1 ? "$" : ", $", i);
    return StrCat("INSERT INTO ", table.name, " (", table.columns, ") VALUES (", marks, ")");
  }
  return absl::DataLossError(StrCat("backup: no table ", row.table, " with that many columns"));
}

// Sessions do not outlive a restore: their used nonces are not in the backup.
bool IsSessionKey(const BackupRow& row) {
  if (row.table != "service_keys" || row.values.size() < 2) return false;
  const auto* purpose = std::get_if<std::string>(&row.values[1]);
  return purpose != nullptr && *purpose == "session";
}

absl::Status LoadRows(sql::Connection& connection, BackupReader& reader, int64_t* count) {
  while (true) {
    ASSIGN_OR_RETURN(const std::vector<BackupRow> rows, reader.Next());
    if (rows.empty()) return absl::OkStatus();
    for (const BackupRow& row : rows) {
      if (IsSessionKey(row)) continue;
      ASSIGN_OR_RETURN(const std::string statement, InsertStatement(row));
      sql::Parameters parameters;
      for (const sql::Value& value : row.values) parameters.push_back(ParameterOf(value));
      RETURN_IF_ERROR(connection.Query(statement, parameters).status(), row.table);
      ++*count;
    }
  }
}

absl::Status RestoreInto(sql::Connection& connection, MasterKey& master, MasterKey& backup_master,
                         BackupReader& reader, const Change& change, int64_t* count) {
  *count = 0;
  RETURN_IF_ERROR(CheckEmpty(connection));
  RETURN_IF_ERROR(LoadRows(connection, reader, count));
  if (connection.engine() == sql::Engine::kPostgresql) {
    // Rows came with their numbers; the next one must not get one of those.
    for (const std::string_view next :
         {"SELECT setval(pg_get_serial_sequence('attestations', 'sequence'), "
          "(SELECT coalesce(max(sequence), 0) + 1 FROM attestations), false)",
          "SELECT setval(pg_get_serial_sequence('denials', 'sequence'), "
          "(SELECT coalesce(max(sequence), 0) + 1 FROM denials), false)"}) {
      RETURN_IF_ERROR(connection.Query(next).status());
    }
  }
  Sealer sealer(&backup_master);
  AuditLog audit(&sealer);
  RETURN_IF_ERROR(audit.Verify(connection).status());
  RETURN_IF_ERROR(audit.Append(connection, change, "store-restored", "", "{}"));
  if (&master == &backup_master) return absl::OkStatus();
  return sealer.Rekey(connection, master, change.time);
}

}  // namespace

absl::StatusOr<BackupSummary> BackUp(sql::Database& database, MasterKey& master,
                                     const std::string& path, int64_t now) {
  if (PathExists(path)) return absl::AlreadyExistsError(StrCat(path, " exists"));
  const std::string partial = path + ".partial";
  BackupSummary summary{.rows = 0, .made_at = now};
  const absl::Status status = database.Read([&](sql::Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(UniqueFd fd,
                     OpenFile(partial, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600), "backup");
    RETURN_IF_ERROR(DumpAll(connection, master, fd.get(), now, &summary.rows));
    return ::fsync(fd.get()) == 0 ? absl::OkStatus() : ErrnoStatus(errno, partial);
  });
  if (!status.ok()) {
    ::unlink(partial.c_str());
    return status;
  }
  if (::rename(partial.c_str(), path.c_str()) != 0) return ErrnoStatus(errno, path);
  return summary;
}

absl::StatusOr<BackupSummary> Restore(sql::Database& database, MasterKey& master,
                                      MasterKey& backup_master, const std::string& path,
                                      const Change& change) {
  RETURN_IF_ERROR(Migrate(database, change.time));
  BackupSummary summary;
  const absl::Status done = database.Write([&](sql::Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(BackupReader reader, BackupReader::Open(path, backup_master));
    if (reader.schema() != SchemaStep()) {
      return absl::FailedPreconditionError(
          StrCat(path, " was made with tables of step ", reader.schema(), ", this program has ",
                 SchemaStep(), ": restore it with that program and start this one on the result"));
    }
    summary.made_at = reader.made_at();
    return RestoreInto(connection, master, backup_master, reader, change, &summary.rows);
  });
  RETURN_IF_ERROR(done);
  return summary;
}

}  // namespace nacre::attestation
