// The broker's configuration file, kbs.toml. `nacre-kbs init` writes one with every key explained
// (setup.cc). Unknown keys are errors; relative paths are taken from the file's own folder.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "attestation/broker/storage/storage_config.h"
#include "base/log.h"
#include "base/status.h"
#include "tee/sev/policy.h"
#include "tee/tdx/policy.h"
#include "tee/tpm/verify.h"

namespace nacre::attestation {

// [token.trusted.<name>]: another attestation service whose tokens count here.
struct TrustedIssuer {
  std::string name;
  std::string issuer;    // "iss"
  std::string audience;  // "aud"; empty: any
  std::string keys;      // file; see key_set.h
};
// [admin.issuers.<name>]: who signs tokens of those who administer.
using AdminIssuer = TrustedIssuer;
// [admin.roles.<name>]: what a role may do; nothing else.
struct AdminRole {
  std::string name;
  std::vector<std::string> methods;  // empty: all
  std::vector<std::string> allow;    // regular expressions of path and query, ^/kbs...$
};
// [admin.clients.<name>]: the role of a TLS client certificate.
struct AdminClient {
  std::string subject;  // "CN=ci,O=team", or
  std::string sha256;   // of the certificate, hex
  std::string role;
};

// [reference.signers.<name>]: whose signature of reference values counts.
struct ReferenceSigner {
  std::string name;
  std::string keys;  // file; see key_set.h
};

// Guests' keys that are refused unless the owner asks for them ([policy] allow_rsa1_5,
// allow_ml_kem).
struct GuestKeyRules {
  bool rsa1_5 = false;  // resources in that padding, for guests that know no other
  bool ml_kem = false;
};

struct BrokerConfig {
  // top level
  std::string listen = "127.0.0.1:8080";  // address:port, IPv6 in brackets; port 0 = any free one

  bool compat_401_everywhere = false;  // for clients that know no other refusal

  // [tls]
  std::string tls_certificate;  // PEM, leaf first
  std::string tls_key;
  std::string tls_client_ca;  // PEM roots of client certificates; empty: none are asked for

  StorageConfig storage;  // [storage]

  // [session]
  std::string cookie_key;  // 32 raw bytes that seal the session cookie; "": in the store
  uint64_t session_rotate_hours = 24;  // of the key in the store
  int64_t session_lifetime_s = 300;

  // [token]
  std::string token_key;            // PEM, EC P-256 or P-384; "": in the store
  std::string token_certificate;    // PEM, of token_key first; "": tokens have no "x5c"
  uint64_t token_rotate_days = 90;  // of the key in the store
  std::string token_issuer = "nacre-kbs";
  int64_t token_lifetime_s = 300;
  std::vector<TrustedIssuer> trusted_issuers;

  // [admin]
  std::string admin_public_key;  // PEM, EC P-256; who holds its private half administers
  std::string admin_issuer = "nacre-admin";
  std::vector<AdminIssuer> admin_issuers;
  std::vector<AdminRole> admin_roles;
  std::vector<AdminClient> admin_clients;

  // [reference]
  bool reference_signature_required = false;  // unsigned reference values are refused
  std::vector<ReferenceSigner> reference_signers;

  // [policy]
  bool allow_emulated = false;  // give resources to guests proved only by an emulator
  GuestKeyRules guest_keys;
  bool require_affirming = true;  // false: tokens and policies decide alone about the others
  tee::sev::SnpPolicy snp;
  tee::tdx::TdxPolicy tdx;    // [policy.tdx]
  bool require_rtmr0 = true;  // of TDX reference values; see CheckTdxLaunch()

  // [policy.tpm]: PEM of the attestation keys of machines the owner knows; none: "tpm" is refused
  std::vector<std::string> tpm_keys;
  tee::tpm::TpmPolicy tpm;

  // [policy.azure]: launch measurements of paravisors; none: Azure's evidence is refused
  std::vector<Bytes> azure_paravisors;

  // [attestation]
  std::string emulated_root;      // PEM of an emulator's ARK; empty: emulated evidence is refused
  std::string emulated_tdx_root;  // the same for TDX
  bool allow_sample = false;      // evidence of no hardware counts as an emulator's

  // [attestation.snp]: where certificates and CRLs come from that SNP evidence does not bring; all
  // empty: it must bring its chain
  std::string snp_collateral;        // folder, see attestation/collateral/kds.h
  std::string snp_collateral_cache;  // folder, written by the broker
  std::string snp_collateral_url;    // AMD's KDS, or a mirror of it
  std::string snp_collateral_ca;     // PEM; empty: the system's roots
  bool snp_require_crl = false;

  // [attestation.tdx]: where TDX collateral comes from; all empty: TDX evidence is refused
  std::string tdx_collateral;           // folder, see attestation/collateral/tdx_bundle.h
  std::string tdx_collateral_cache;     // folder, written by the broker
  std::string tdx_collateral_url;       // PCCS, or Intel's PCS
  std::string tdx_root_crl_url;         // empty: the service has it
  std::string tdx_collateral_ca;        // PEM; empty: the system's roots
  std::string tdx_update = "standard";  // or "early"
  uint64_t tdx_refresh_hours = 24;

  // [denials]: what guests report of requests they denied
  uint64_t denials_of_guest = 256;
  uint64_t denial_rows = 10'000;
  uint64_t denial_days = 30;
  uint64_t denial_posts_per_minute = 30;  // of one guest; also the burst

  // [limits]
  uint64_t max_resource_size = 1 << 20;
  uint64_t attestations_per_minute = 120;  // of one peer address; also the burst
  uint64_t max_connections = 256;
  uint64_t handler_threads = 2;
  uint64_t max_head = 128 << 10;  // request line and headers; a session cookie is a few KiB
  uint64_t head_timeout_s = 10;   // TLS handshake and head
  uint64_t body_timeout_s = 30;
  uint64_t idle_timeout_s = 60;  // of a kept connection
  uint64_t log_rows = 10'000;    // kept of each outcome

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
