// The broker's configuration file, kbs.toml. `nacre-kbs init` writes one with every key explained
// (setup.cc). Unknown keys are errors; relative paths are taken from the file's own folder.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/log.h"
#include "base/status.h"
#include "tee/sev/verify.h"

namespace nacre::attestation {

struct BrokerConfig {
  // top level
  std::string listen = "127.0.0.1:8080";  // address:port, IPv6 in brackets; port 0 = any free one

  // [tls]
  std::string tls_certificate;  // PEM, leaf first
  std::string tls_key;

  // [storage]
  std::string database;
  std::string master_key;  // 32 raw bytes that seal the resources

  // [session]
  std::string cookie_key;  // 32 raw bytes that seal the session cookie
  int64_t session_lifetime_s = 300;

  // [token]
  std::string token_key;  // PEM, EC P-256
  std::string token_issuer = "nacre-kbs";
  int64_t token_lifetime_s = 300;

  // [admin]
  std::string admin_public_key;  // PEM, EC P-256; who holds its private half administers
  std::string admin_issuer = "nacre-admin";

  // [policy]
  bool allow_emulated = false;  // give resources to guests proved only by an emulator
  tee::sev::SnpPolicy snp;

  // [attestation]
  std::string emulated_root;  // PEM of an emulator's ARK; empty: emulated evidence is refused

  // [limits]
  uint64_t max_resource_size = 1 << 20;
  uint64_t attestations_per_minute = 120;  // of one peer address; also the burst
  uint64_t max_connections = 256;
  uint64_t handler_threads = 2;
  uint64_t log_rows = 10'000;  // kept of each outcome

  // [log]
  LogLevel log_level = LogLevel::kInfo;
};

// `text` of a file in `folder`; `name` is what errors call it. kInvalidArgument names the table and
// key that is wrong, missing or unknown (with the nearest known key).
absl::StatusOr<BrokerConfig> ParseBrokerConfig(std::string_view text, const std::string& folder,
                                               const std::string& name);
absl::StatusOr<BrokerConfig> ReadBrokerConfig(const std::string& path);

struct ListenAddress {
  std::string address;
  uint16_t port = 0;
};
// "127.0.0.1:8080", "[::1]:0". kInvalidArgument when it is not an address and a port.
absl::StatusOr<ListenAddress> ParseListenAddress(std::string_view text);

}  // namespace nacre::attestation
