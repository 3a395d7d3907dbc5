#include "attestation/broker/config.h"

#include <charconv>
#include <functional>
#include <map>

#include "base/encoding.h"
#include "base/file.h"
#include "base/toml.h"

namespace nacre::attestation {
namespace {

constexpr size_t kMaxConfigSize = 64 << 10;
constexpr uint64_t kMaxLifetimeS = 24 * 3600;

// One table of the file; absent ones read as empty, so that defaults stand.
class Section {
 public:
  Section(TableReader& top, std::string_view name, const std::string& file)
      : table_(top.Table(name)),
        reader_(table_ != nullptr ? *table_ : kEmpty, file + ": [" + std::string(name) + "]") {}
  TableReader& operator*() { return reader_; }
  TableReader* operator->() { return &reader_; }

 private:
  static inline const Json kEmpty = Json::object();
  const Json* table_;
  TableReader reader_;
};

// The tables of a table, each with its name: [admin.roles.<name>].
absl::Status ForEachTable(
    TableReader& parent, std::string_view name, const std::string& where,
    const std::function<absl::Status(const std::string& name, TableReader& table)>& read) {
  const Json* tables = parent.Table(name);
  if (tables == nullptr) return absl::OkStatus();
  for (const auto& [key, table] : tables->items()) {
    const std::string place = where + "." + std::string(name) + "." + key + "]";
    if (!table.is_object()) return absl::InvalidArgumentError(place + ": want a table");
    TableReader reader(table, place);
    RETURN_IF_ERROR(read(key, reader));
    RETURN_IF_ERROR(reader.Finish());
  }
  return absl::OkStatus();
}

absl::Status ReadIssuers(TableReader& parent, std::string_view name, const std::string& where,
                         std::vector<TrustedIssuer>* out) {
  return ForEachTable(parent, name, where, [&](const std::string& key, TableReader& table) {
    TrustedIssuer issuer{.name = key, .issuer = {}, .audience = {}, .keys = {}};
    table.String("issuer", &issuer.issuer)
        .String("audience", &issuer.audience)
        .String("keys", &issuer.keys);
    if (issuer.issuer.empty() || issuer.keys.empty()) {
      return absl::InvalidArgumentError(where + "." + std::string(name) + "." + key +
                                        "]: want issuer and keys");
    }
    out->push_back(std::move(issuer));
    return absl::OkStatus();
  });
}

absl::Status ReadAdmin(TableReader& top, const std::string& file, BrokerConfig* config) {
  const std::string where = file + ": [admin";
  Section admin(top, "admin", file);
  admin->String("public_key", &config->admin_public_key).String("issuer", &config->admin_issuer);
  RETURN_IF_ERROR(ReadIssuers(*admin, "issuers", where, &config->admin_issuers));
  for (const AdminIssuer& issuer : config->admin_issuers) {
    if (issuer.audience.empty()) {
      return absl::InvalidArgumentError(where + ".issuers." + issuer.name + "]: want audience");
    }
  }
  RETURN_IF_ERROR(
      ForEachTable(*admin, "roles", where, [&](const std::string& key, TableReader& table) {
        AdminRole role{.name = key, .methods = {}, .allow = {}};
        table.Strings("methods", &role.methods).Strings("allow", &role.allow);
        config->admin_roles.push_back(std::move(role));
        return absl::OkStatus();
      }));
  RETURN_IF_ERROR(
      ForEachTable(*admin, "clients", where, [&](const std::string& key, TableReader& table) {
        AdminClient client;
        table.String("subject", &client.subject)
            .String("sha256", &client.sha256)
            .String("role", &client.role);
        if (client.subject.empty() == client.sha256.empty() || client.role.empty()) {
          return absl::InvalidArgumentError(where + ".clients." + key +
                                            "]: want role, and subject or sha256");
        }
        config->admin_clients.push_back(std::move(client));
        return absl::OkStatus();
      }));
  return admin->Finish();
}

absl::Status ReadSession(TableReader& top, const std::string& file, BrokerConfig* config) {
  uint64_t lifetime = static_cast<uint64_t>(config->session_lifetime_s);
  Section session(top, "session", file);
  session->String("key", &config->cookie_key)
      .Uint("rotate_hours", &config->session_rotate_hours, 1, 24 * 365)
      .Uint("lifetime_s", &lifetime, 10, kMaxLifetimeS);
  config->session_lifetime_s = static_cast<int64_t>(lifetime);
  return session->Finish();
}

absl::Status ReadToken(TableReader& top, const std::string& file, BrokerConfig* config) {
  uint64_t lifetime = static_cast<uint64_t>(config->token_lifetime_s);
  Section token(top, "token", file);
  token->String("key", &config->token_key)
      .String("certificate", &config->token_certificate)
      .Uint("rotate_days", &config->token_rotate_days, 1, 3650)
      .String("issuer", &config->token_issuer)
      .Uint("lifetime_s", &lifetime, 10, kMaxLifetimeS);
  config->token_lifetime_s = static_cast<int64_t>(lifetime);
  RETURN_IF_ERROR(ReadIssuers(*token, "trusted", file + ": [token", &config->trusted_issuers));
  RETURN_IF_ERROR(token->Finish());
  if (config->token_key.empty() && !config->token_certificate.empty()) {
    return absl::InvalidArgumentError(file + ": [token] certificate needs the key it is for");
  }
  return absl::OkStatus();
}

absl::Status ReadReference(TableReader& top, const std::string& folder, const std::string& file,
                           BrokerConfig* config) {
  const std::string where = file + ": [reference";
  Section reference(top, "reference", file);
  reference->Bool("require_signature", &config->reference_signature_required);
  RETURN_IF_ERROR(
      ForEachTable(*reference, "signers", where, [&](const std::string& key, TableReader& table) {
        ReferenceSigner signer{.name = key, .keys = {}};
        table.String("keys", &signer.keys);
        if (signer.keys.empty()) {
          return absl::InvalidArgumentError(where + ".signers." + key + "]: want keys");
        }
        if (signer.keys.front() != '/') signer.keys = folder + "/" + signer.keys;
        config->reference_signers.push_back(std::move(signer));
        return absl::OkStatus();
      }));
  RETURN_IF_ERROR(reference->Finish());
  if (config->reference_signature_required && config->reference_signers.empty()) {
    return absl::InvalidArgumentError(where +
                                      "] require_signature needs a [reference.signers.NAME]");
  }
  return absl::OkStatus();
}

// [policy.min_tcb]: all four components, so that none is left at 0 by oversight; fmc is Turin's.
absl::Status ReadMinimumTcb(TableReader& policy, const std::string& file, BrokerConfig* config) {
  const Json* table = policy.Table("min_tcb");
  if (table == nullptr) return absl::OkStatus();
  constexpr uint64_t kUnset = 256;
  uint64_t fmc = 0, bootloader = kUnset, tee = kUnset, snp = kUnset, microcode = kUnset;
  TableReader reader(*table, file + ": [policy.min_tcb]");
  reader.Uint("fmc", &fmc, 0, 255)
      .Uint("bootloader", &bootloader, 0, 255)
      .Uint("tee", &tee, 0, 255)
      .Uint("snp", &snp, 0, 255)
      .Uint("microcode", &microcode, 0, 255);
  RETURN_IF_ERROR(reader.Finish());
  if (bootloader == kUnset || tee == kUnset || snp == kUnset || microcode == kUnset) {
    return absl::InvalidArgumentError(
        file + ": [policy.min_tcb]: want each of bootloader, tee, snp and microcode");
  }
  auto byte = [](uint64_t value) { return static_cast<uint8_t>(value); };
  config->snp.min_tcb = tee::sev::TcbComponents{.fmc = byte(fmc),
                                                .bootloader = byte(bootloader),
                                                .tee = byte(tee),
                                                .snp = byte(snp),
                                                .microcode = byte(microcode)};
  return absl::OkStatus();
}

absl::Status ReadStatuses(const std::vector<std::string>& names, BrokerConfig* config) {
  if (names.empty()) return absl::OkStatus();
  config->tdx.accepted_statuses.clear();
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(const tee::tdx::TcbStatus status, tee::tdx::ParseTcbStatus(name));
    if (status == tee::tdx::TcbStatus::kRevoked) {
      return absl::InvalidArgumentError("Revoked is never accepted");
    }
    config->tdx.accepted_statuses.insert(status);
  }
  return absl::OkStatus();
}

absl::Status ReadTdxPolicy(TableReader& policy, const std::string& file, BrokerConfig* config) {
  const Json* table = policy.Table("tdx");
  if (table == nullptr) return absl::OkStatus();
  const std::string where = file + ": [policy.tdx]";
  tee::tdx::TdxPolicy& tdx = config->tdx;
  std::vector<std::string> statuses, advisories;
  uint64_t evaluation_number = 0;
  TableReader reader(*table, where);
  reader.Bool("allow_debug", &tdx.allow_debug)
      .Bool("allow_migration", &tdx.allow_migration)
      .Bool("allow_perfmon", &tdx.allow_perfmon)
      .Bool("allow_smt", &tdx.allow_smt)
      .Bool("allow_dynamic_platform", &tdx.allow_dynamic_platform)
      .Bool("require_sept_ve_disable", &tdx.require_sept_ve_disable)
      .Bool("require_rtmr0", &config->require_rtmr0)
      .Strings("accepted_tcb_statuses", &statuses)
      .Strings("refused_advisories", &advisories)
      .Uint("min_tcb_evaluation_number", &evaluation_number, 0, 1'000'000);
  RETURN_IF_ERROR(reader.Finish());
  RETURN_IF_ERROR(ReadStatuses(statuses, config), where + ": accepted_tcb_statuses");
  tdx.refused_advisories = {advisories.begin(), advisories.end()};
  tdx.min_tcb_evaluation_number = static_cast<uint32_t>(evaluation_number);
  return absl::OkStatus();
}

absl::Status ReadTpmPolicy(TableReader& policy, const std::string& file, BrokerConfig* config) {
  const Json* table = policy.Table("tpm");
  if (table == nullptr) return absl::OkStatus();
  TableReader reader(*table, file + ": [policy.tpm]");
  reader.Strings("trusted_keys", &config->tpm_keys)
      .Bool("require_event_log", &config->tpm.require_event_log)
      .Bool("require_secure_boot", &config->tpm.require_secure_boot);
  return reader.Finish();
}

absl::Status ReadAzurePolicy(TableReader& policy, const std::string& file, BrokerConfig* config) {
  constexpr size_t kLaunchSize = 48;
  const Json* table = policy.Table("azure");
  if (table == nullptr) return absl::OkStatus();
  const std::string where = file + ": [policy.azure]";
  std::vector<std::string> paravisors;
  TableReader reader(*table, where);
  reader.Strings("paravisors", &paravisors);
  RETURN_IF_ERROR(reader.Finish());
  for (const std::string& text : paravisors) {
    ASSIGN_OR_RETURN(Bytes launch, HexDecode(text), where + ": paravisors");
    if (launch.size() != kLaunchSize) {
      return absl::InvalidArgumentError(where + ": paravisors: want 96 hex digits each");
    }
    config->azure_paravisors.push_back(std::move(launch));
  }
  return absl::OkStatus();
}

absl::Status ReadPolicy(TableReader& top, const std::string& file, BrokerConfig* config) {
  Section policy(top, "policy", file);
  policy->Bool("allow_emulated", &config->allow_emulated)
      .Bool("require_affirming", &config->require_affirming)
      .Bool("allow_rsa1_5", &config->guest_keys.rsa1_5)
      .Bool("allow_ml_kem", &config->guest_keys.ml_kem)
      .Bool("allow_debug", &config->snp.allow_debug)
      .Bool("allow_migration_agent", &config->snp.allow_migration_agent)
      .Bool("allow_smt", &config->snp.allow_smt)
      .Bool("require_single_socket", &config->snp.require_single_socket)
      .Bool("allow_masked_chip_id", &config->snp.allow_masked_chip_id);
  RETURN_IF_ERROR(ReadMinimumTcb(*policy, file, config));
  RETURN_IF_ERROR(ReadTdxPolicy(*policy, file, config));
  RETURN_IF_ERROR(ReadTpmPolicy(*policy, file, config));
  RETURN_IF_ERROR(ReadAzurePolicy(*policy, file, config));
  return policy->Finish();
}

absl::Status ReadLimits(TableReader& top, const std::string& file, BrokerConfig* config) {
  Section limits(top, "limits", file);
  limits->Uint("max_resource_size", &config->max_resource_size, 1, 2 << 20)
      .Uint("attestations_per_minute", &config->attestations_per_minute, 1, 1'000'000)
      .Uint("max_connections", &config->max_connections, 1, 65'536)
      .Uint("handler_threads", &config->handler_threads, 1, 64)
      .Uint("max_head", &config->max_head, 8 << 10, 1 << 20)
      .Uint("head_timeout_s", &config->head_timeout_s, 1, 300)
      .Uint("body_timeout_s", &config->body_timeout_s, 1, 600)
      .Uint("idle_timeout_s", &config->idle_timeout_s, 1, 3600)
      .Uint("log_rows", &config->log_rows, 1, 10'000'000);
  return limits->Finish();
}

absl::Status ReadDenials(TableReader& top, const std::string& file, BrokerConfig* config) {
  Section denials(top, "denials", file);
  denials->Uint("per_guest", &config->denials_of_guest, 1, 100'000)
      .Uint("rows", &config->denial_rows, 1, 1'000'000)
      .Uint("keep_days", &config->denial_days, 1, 3650)
      .Uint("posts_per_minute", &config->denial_posts_per_minute, 1, 100'000);
  return denials->Finish();
}

absl::Status ReadLog(TableReader& top, const std::string& file, BrokerConfig* config) {
  static const std::map<std::string, LogLevel> kLevels = {{"debug", LogLevel::kDebug},
                                                          {"info", LogLevel::kInfo},
                                                          {"warning", LogLevel::kWarning},
                                                          {"error", LogLevel::kError}};
  std::string level = "info";
  Section log(top, "log", file);
  log->Choice("level", &level, {"debug", "info", "warning", "error"});
  RETURN_IF_ERROR(log->Finish());
  config->log_level = kLevels.at(level);
  return absl::OkStatus();
}

absl::Status ReadAttestation(TableReader& top, const std::string& file, BrokerConfig* config) {
  Section attestation(top, "attestation", file);
  attestation->String("emulated_root", &config->emulated_root)
      .String("emulated_tdx_root", &config->emulated_tdx_root)
      .Bool("allow_sample", &config->allow_sample);
  if (const Json* table = attestation->Table("snp")) {
    TableReader reader(*table, file + ": [attestation.snp]");
    reader.String("collateral", &config->snp_collateral)
        .String("cache", &config->snp_collateral_cache)
        .String("url", &config->snp_collateral_url)
        .String("ca", &config->snp_collateral_ca)
        .Bool("require_crl", &config->snp_require_crl);
    RETURN_IF_ERROR(reader.Finish());
  }
  if (const Json* table = attestation->Table("tdx")) {
    TableReader reader(*table, file + ": [attestation.tdx]");
    reader.String("collateral", &config->tdx_collateral)
        .String("cache", &config->tdx_collateral_cache)
        .String("url", &config->tdx_collateral_url)
        .String("root_crl_url", &config->tdx_root_crl_url)
        .String("ca", &config->tdx_collateral_ca)
        .Choice("update", &config->tdx_update, {"standard", "early"})
        .Uint("refresh_hours", &config->tdx_refresh_hours, 1, 24 * 30);
    RETURN_IF_ERROR(reader.Finish());
  }
  return attestation->Finish();
}

absl::Status ReadStorage(TableReader& top, const std::string& folder, const std::string& file,
                         BrokerConfig* config) {
  Section storage(top, "storage", file);
  return ReadStorageConfig(*storage, file + ": [storage]", folder, &config->storage);
}

absl::Status ReadFileSections(TableReader& top, const std::string& file, BrokerConfig* config) {
  Section tls(top, "tls", file);
  tls->String("certificate", &config->tls_certificate)
      .String("key", &config->tls_key)
      .String("client_ca", &config->tls_client_ca);
  RETURN_IF_ERROR(tls->Finish());
  RETURN_IF_ERROR(ReadAdmin(top, file, config));
  return ReadAttestation(top, file, config);
}

// Required paths must be there; all are taken from the file's folder.
absl::Status ResolvePaths(const std::string& folder, const std::string& file,
                          BrokerConfig* config) {
  struct Path {
    std::string* value;
    std::string_view key;
    bool required;
  };
  for (const Path& path : {Path{&config->tls_certificate, "[tls] certificate", true},
                           {&config->tls_key, "[tls] key", true},
                           {&config->cookie_key, "[session] key", false},
                           {&config->token_key, "[token] key", false},
                           {&config->token_certificate, "[token] certificate", false},
                           {&config->admin_public_key, "[admin] public_key", true},
                           {&config->tls_client_ca, "[tls] client_ca", false},
                           {&config->emulated_root, "[attestation] emulated_root", false},
                           {&config->emulated_tdx_root, "[attestation] emulated_tdx_root", false},
                           {&config->snp_collateral, "[attestation.snp] collateral", false},
                           {&config->snp_collateral_cache, "[attestation.snp] cache", false},
                           {&config->snp_collateral_ca, "[attestation.snp] ca", false},
                           {&config->tdx_collateral, "[attestation.tdx] collateral", false},
                           {&config->tdx_collateral_cache, "[attestation.tdx] cache", false},
                           {&config->tdx_collateral_ca, "[attestation.tdx] ca", false}}) {
    if (path.value->empty()) {
      if (!path.required) continue;
      return absl::InvalidArgumentError(file + ": " + std::string(path.key) + " is missing");
    }
    if (path.value->front() != '/') *path.value = folder + "/" + *path.value;
  }
  for (auto* issuers : {&config->admin_issuers, &config->trusted_issuers}) {
    for (TrustedIssuer& issuer : *issuers) {
      if (issuer.keys.front() != '/') issuer.keys = folder + "/" + issuer.keys;
    }
  }
  for (std::string& path : config->tpm_keys) {
    if (path.empty()) return absl::InvalidArgumentError(file + ": [policy.tpm] trusted_keys");
    if (path.front() != '/') path = folder + "/" + path;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<BrokerConfig> ParseBrokerConfig(std::string_view text, const std::string& folder,
                                               const std::string& name) {
  ASSIGN_OR_RETURN(Json table, ParseToml(text, {.max_size = kMaxConfigSize, .max_depth = 8}), name);
  BrokerConfig config;
  TableReader top(table, name);
  top.String("listen", &config.listen).Bool("compat_401_everywhere", &config.compat_401_everywhere);
  RETURN_IF_ERROR(ReadFileSections(top, name, &config));
  RETURN_IF_ERROR(ReadStorage(top, folder, name, &config));
  RETURN_IF_ERROR(ReadSession(top, name, &config));
  RETURN_IF_ERROR(ReadToken(top, name, &config));
  RETURN_IF_ERROR(ReadReference(top, folder, name, &config));
  RETURN_IF_ERROR(ReadPolicy(top, name, &config));
  RETURN_IF_ERROR(ReadDenials(top, name, &config));
  RETURN_IF_ERROR(ReadLimits(top, name, &config));
  RETURN_IF_ERROR(ReadLog(top, name, &config));
  RETURN_IF_ERROR(top.Finish());
  RETURN_IF_ERROR(ParseListenAddress(config.listen).status(), name + ": listen");
  RETURN_IF_ERROR(ResolvePaths(folder, name, &config));
  return config;
}

absl::StatusOr<BrokerConfig> ReadBrokerConfig(const std::string& path) {
  ASSIGN_OR_RETURN(std::string text, ReadTextFile(path, kMaxConfigSize), "configuration");
  size_t slash = path.rfind('/');
  std::string folder = slash == std::string::npos ? "." : path.substr(0, slash);
  return ParseBrokerConfig(text, folder.empty() ? "/" : folder, path);
}

absl::StatusOr<ListenAddress> ParseListenAddress(std::string_view text) {
  size_t colon = text.rfind(':');
  std::string_view address = text.substr(0, colon);
  std::string_view port = colon == std::string_view::npos ? "" : text.substr(colon + 1);
  if (address.starts_with('[') && address.ends_with(']')) {
    address = address.substr(1, address.size() - 2);
  } else if (address.find(':') != std::string_view::npos) {
    address = {};
  }
  uint16_t number = 0;
  auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (address.empty() || port.empty() || error != std::errc() || end != port.data() + port.size()) {
    return absl::InvalidArgumentError("'" + std::string(text) +
                                      "' is not address:port (IPv6 in brackets)");
  }
  return ListenAddress{std::string(address), number};
}

}  // namespace nacre::attestation
