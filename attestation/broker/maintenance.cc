#include "attestation/broker/maintenance.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cinttypes>
#include <cstdio>
#include <ctime>

#include "attestation/broker/config.h"
#include "attestation/broker/service_keys.h"
#include "attestation/broker/storage/audit_state.h"
#include "attestation/broker/storage/backup.h"
#include "attestation/broker/store.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/strings.h"

namespace nacre::attestation {
namespace {

constexpr int64_t kPage = 200;

Change ByOperator() {
  return {.actor = StrCat("operator (uid ", static_cast<int64_t>(getuid()), ")"),
          .peer = "local",
          .request = "",
          .time = std::time(nullptr)};
}

struct OpenedStore {
  BrokerConfig config;
  std::unique_ptr<Store> store;
};

absl::StatusOr<OpenedStore> OpenStore(const std::string& config_path) {
  OpenedStore out;
  ASSIGN_OR_RETURN(out.config, ReadBrokerConfig(config_path));
  ASSIGN_OR_RETURN(std::unique_ptr<MasterKey> master, OpenMasterKey(out.config.storage));
  ASSIGN_OR_RETURN(std::unique_ptr<sql::Database> database, OpenDatabase(out.config.storage));
  ASSIGN_OR_RETURN(out.store, Store::Open(std::move(database), std::move(master)));
  return out;
}

// "2026-11-22T11:31:00Z"
std::string TimeText(int64_t time) {
  const std::time_t seconds = time;
  std::tm parts = {};
  gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

// Text that came over the network, for a terminal: one line, no control characters.
std::string Plain(std::string_view text) {
  std::string out;
  for (char c : text) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return out;
}

absl::Status RunBackup(const std::string& config_path, const std::string& out) {
  ASSIGN_OR_RETURN(const BrokerConfig config, ReadBrokerConfig(config_path));
  ASSIGN_OR_RETURN(std::unique_ptr<MasterKey> master, OpenMasterKey(config.storage));
  ASSIGN_OR_RETURN(OpenedStore opened, OpenStore(config_path));
  ASSIGN_OR_RETURN(const BackupSummary summary,
                   BackUp(opened.store->database(), *master, out, std::time(nullptr)));
  std::printf("%s: %" PRId64 " rows, sealed under the master key\n", out.c_str(), summary.rows);
  return absl::OkStatus();
}

absl::Status RunRestore(const std::string& config_path, const std::string& in,
                        const std::string& backup_master_uri) {
  ASSIGN_OR_RETURN(const BrokerConfig config, ReadBrokerConfig(config_path));
  ASSIGN_OR_RETURN(std::unique_ptr<MasterKey> master, OpenMasterKey(config.storage));
  std::unique_ptr<MasterKey> backup_master;
  if (!backup_master_uri.empty()) {
    ASSIGN_OR_RETURN(backup_master, OpenMasterKey(backup_master_uri, ""));
  }
  ASSIGN_OR_RETURN(std::unique_ptr<sql::Database> database, OpenDatabase(config.storage));
  ASSIGN_OR_RETURN(
      const BackupSummary summary,
      Restore(*database, *master, backup_master ? *backup_master : *master, in, ByOperator()));
  std::printf("%" PRId64 " rows restored, of %s\n", summary.rows,
              TimeText(summary.made_at).c_str());
  return absl::OkStatus();
}

absl::Status RunRekey(const std::string& config_path, const std::string& new_uri) {
  ASSIGN_OR_RETURN(OpenedStore opened, OpenStore(config_path));
  const StorageConfig& storage = opened.config.storage;
  const std::string uri = new_uri.empty() ? storage.master_key : new_uri;
  ASSIGN_OR_RETURN(std::unique_ptr<MasterKey> fresh,
                   OpenMasterKey(uri, new_uri.empty() ? storage.folder : ""));
  ASSIGN_OR_RETURN(const std::string detail, DumpJson({{"master_key", fresh->Describe()}}));
  const Change change = ByOperator();
  Store& store = *opened.store;
  const absl::Status done = store.database().Write([&](sql::Connection& connection) {
    absl::Status logged = store.audit().Append(connection, change, "store-rekeyed", "", detail);
    return logged.ok() ? store.sealer().Rekey(connection, *fresh, change.time) : logged;
  });
  RETURN_IF_ERROR(done);
  std::printf("everything is sealed anew under %s\n", fresh->Describe().c_str());
  if (!new_uri.empty()) {
    std::printf("now set master_key in %s to it, and restart every broker of this store\n",
                config_path.c_str());
  }
  return absl::OkStatus();
}

absl::Status RunRotate(const std::string& config_path, const std::string& purpose, bool revoke) {
  ASSIGN_OR_RETURN(OpenedStore opened, OpenStore(config_path));
  const bool token = purpose == "token";
  if (!(token ? opened.config.token_key : opened.config.cookie_key).empty()) {
    return absl::FailedPreconditionError(StrCat(config_path, " names a file as ", purpose,
                                                " key: change that file, or leave [", purpose,
                                                "] key out to have the keys in the store"));
  }
  RETURN_IF_ERROR(RotateKeys(*opened.store,
                             token ? TokenRing(opened.config) : SessionRing(opened.config), revoke,
                             ByOperator()));
  std::printf("a new %s key is made%s\n", purpose.c_str(),
              revoke ? "; the old ones and all they made are void" : "");
  return absl::OkStatus();
}

// "12:9f86d081..." of a head noted earlier: the log still has that entry.
absl::Status CheckNotedHead(sql::Connection& connection, const std::string& noted) {
  const size_t colon = noted.find(':');
  int64_t sequence = 0;
  if (colon == std::string::npos ||
      !ParseNumber(std::string_view(noted).substr(0, colon), &sequence) || sequence < 1) {
    return absl::InvalidArgumentError("--at-least: want NUMBER:DIGEST");
  }
  ASSIGN_OR_RETURN(const std::vector<AuditEntry> entries,
                   AuditLog::Entries(connection, sequence - 1, 1));
  if (entries.empty()) {
    return absl::DataLossError(StrCat("audit log: it ends before entry ", sequence));
  }
  if (HexEncode(entries[0].digest) != noted.substr(colon + 1)) {
    return absl::DataLossError(StrCat("audit log: entry ", sequence, " is not the one noted"));
  }
  return absl::OkStatus();
}

// Without opening the store, which refuses a log whose head is wrong before it is looked at.
absl::Status RunVerify(const std::string& config_path, const std::string& at_least) {
  ASSIGN_OR_RETURN(const BrokerConfig config, ReadBrokerConfig(config_path));
  ASSIGN_OR_RETURN(std::unique_ptr<MasterKey> master, OpenMasterKey(config.storage));
  ASSIGN_OR_RETURN(std::unique_ptr<sql::Database> database, OpenDatabase(config.storage));
  Sealer sealer(master.get());
  AuditLog audit(&sealer);
  AuditHead head;
  RETURN_IF_ERROR(database->Read([&](sql::Connection& connection) -> absl::Status {
    auto verified = audit.Verify(connection);
    if (!verified.ok()) return verified.status();
    head = *std::move(verified);
    const absl::Status state = CheckStateAgainstAudit(connection);
    if (!state.ok()) return state;
    return at_least.empty() ? absl::OkStatus() : CheckNotedHead(connection, at_least);
  }));
  std::printf("%" PRId64 " entries, all as written, and the store is what they made; head %" PRId64
              ":%s\n",
              head.sequence, head.sequence, HexEncode(head.digest).c_str());
  return absl::OkStatus();
}

absl::Status PrintEntry(const AuditEntry& entry, bool as_json) {
  if (!as_json) {
    std::printf("%" PRId64 " %s %s (%s) %s %s %s\n", entry.sequence,
                TimeText(entry.change.time).c_str(), Plain(entry.change.actor).c_str(),
                Plain(entry.change.peer).c_str(), Plain(entry.action).c_str(),
                Plain(entry.object).c_str(), Plain(entry.detail).c_str());
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const Json detail, ParseJson(entry.detail));
  ASSIGN_OR_RETURN(const std::string line, DumpJson({{"sequence", entry.sequence},
                                                     {"time", TimeText(entry.change.time)},
                                                     {"actor", entry.change.actor},
                                                     {"peer", entry.change.peer},
                                                     {"request", entry.change.request},
                                                     {"action", entry.action},
                                                     {"object", entry.object},
                                                     {"detail", detail},
                                                     {"digest", HexEncode(entry.digest)}}));
  std::printf("%s\n", line.c_str());
  return absl::OkStatus();
}

// Needs no key: nothing in the log is secret.
absl::Status RunShow(const std::string& config_path, int64_t after, int64_t limit, bool as_json) {
  ASSIGN_OR_RETURN(const BrokerConfig config, ReadBrokerConfig(config_path));
  ASSIGN_OR_RETURN(std::unique_ptr<sql::Database> database, OpenDatabase(config.storage));
  while (limit > 0) {
    std::vector<AuditEntry> page;
    RETURN_IF_ERROR(database->Read([&](sql::Connection& connection) -> absl::Status {
      auto entries = AuditLog::Entries(connection, after, std::min(kPage, limit));
      if (entries.ok()) page = *std::move(entries);
      return entries.status();
    }));
    if (page.empty()) break;
    for (const AuditEntry& entry : page) RETURN_IF_ERROR(PrintEntry(entry, as_json));
    after = page.back().sequence;
    limit -= static_cast<int64_t>(page.size());
  }
  return absl::OkStatus();
}

absl::Status RunMasterKey(const std::string& uri) {
  RETURN_IF_ERROR(CreateMasterKey(uri, ""));
  ASSIGN_OR_RETURN(std::unique_ptr<MasterKey> made, OpenMasterKey(uri, ""));
  std::printf("made %s\n", made->Describe().c_str());
  return absl::OkStatus();
}

}  // namespace

struct Maintenance::Options {
  std::string config, out, in, master_key, purpose, at_least;
  int64_t after = 0;
  int64_t limit = 1'000'000;
  bool revoke = false;
  bool as_json = false;
  CLI::App *backup = nullptr, *restore = nullptr, *rekey = nullptr, *rotate = nullptr,
           *verify = nullptr, *show = nullptr, *make = nullptr;
};

Maintenance::~Maintenance() = default;

Maintenance::Maintenance(CLI::App& app) : options_(std::make_unique<Options>()) {
  Options& o = *options_;
  auto add = [&o](CLI::App& parent, const char* name, const char* what) {
    CLI::App* verb = parent.add_subcommand(name, what);
    verb->add_option("--config", o.config, "Configuration file (TOML)")->required();
    return verb;
  };
  o.backup = add(app, "backup", "Write all of the store into a sealed file");
  o.backup->add_option("--out", o.out, "The file; it must not exist")->required();
  o.restore = add(app, "restore", "Fill an empty store from a backup");
  o.restore->add_option("--in", o.in, "The backup")->required();
  o.restore->add_option("--backup-master-key", o.master_key,
                        "The master key it was made under, when it is another");
  o.rekey = add(app, "rekey", "Seal every secret anew, and under a new master key");
  o.rekey->add_option("--new-master-key", o.master_key, "The new one; without, only the data key");
  o.rotate = add(app, "rotate-keys", "Make a new key for sessions or tokens");
  o.rotate->add_option("--purpose", o.purpose, "session or token")
      ->required()
      ->check(CLI::IsMember({"session", "token"}));
  o.rotate->add_flag("--revoke", o.revoke, "The old keys, and all they made, are void at once");
  CLI::App* audit = app.add_subcommand("audit", "The log of administrative changes");
  audit->require_subcommand(1);
  o.verify = add(*audit, "verify", "Check every entry and the signed head");
  o.verify->add_option("--at-least", o.at_least, "NUMBER:DIGEST of a head noted before");
  o.show = add(*audit, "show", "Print entries, oldest first");
  o.show->add_option("--after", o.after, "Only those after this number");
  o.show->add_option("--limit", o.limit, "At most so many");
  o.show->add_flag("--json", o.as_json, "One JSON object a line");
  o.make = app.add_subcommand("master-key", "Make a master key in a file, a token or a TPM");
  o.make->add_option("--new", o.master_key, "Where, as master_key in kbs.toml says it")->required();
}

std::optional<absl::Status> Maintenance::Run() {
  const Options& o = *options_;
  if (o.backup->parsed()) return RunBackup(o.config, o.out);
  if (o.restore->parsed()) return RunRestore(o.config, o.in, o.master_key);
  if (o.rekey->parsed()) return RunRekey(o.config, o.master_key);
  if (o.rotate->parsed()) return RunRotate(o.config, o.purpose, o.revoke);
  if (o.verify->parsed()) return RunVerify(o.config, o.at_least);
  if (o.show->parsed()) return RunShow(o.config, o.after, o.limit, o.as_json);
  if (o.make->parsed()) return RunMasterKey(o.master_key);
  return std::nullopt;
}

}  // namespace nacre::attestation
