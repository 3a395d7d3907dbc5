#include "attestation/broker/setup.h"

#include <arpa/inet.h>

#include "base/file.h"
#include "crypto/key.h"
#include "crypto/random.h"
#include "crypto/x509.h"
#include "crypto/x509_make.h"

namespace nacre::attestation {
namespace {

constexpr int64_t kCertificateLifetimeS = int64_t{10} * 365 * 24 * 3600;
constexpr size_t kMaxRootFile = 64 << 10;

constexpr std::string_view kConfigHead =
    R"(# Configuration of nacre-kbs. Paths are taken from this file's folder; unknown keys fail.
listen = "127.0.0.1:8080"  # address:port; port 0 takes a free one (see --port-file)
# compat_401_everywhere = true  # for clients that know no other refusal than 401

[tls]
certificate = "tls.pem"
key = "tls.key"
# client_ca = "clients.pem"  # roots of client certificates, see [admin.clients.NAME]

[storage]
kind = "sqlite"  # or "postgresql", with url (and password_file) instead of database
database = "kbs.db"
master_key = "master.key"  # seals the resources; without it they are lost

# The keys of sessions and tokens are in the store, and turn by themselves.
[session]
lifetime_s = 300  # from the nonce to the evidence

[token]
issuer = "nacre-kbs"
lifetime_s = 300
# [token.trusted.NAME] with issuer and keys makes another attestation service's tokens count.

[admin]
public_key = "admin.pem"  # who holds admin.key administers: keep that file elsewhere
issuer = "nacre-admin"
# Others get roles: [admin.issuers.NAME] with issuer, audience and keys (a JWK set or PEM file),
# [admin.clients.NAME] with subject or sha256 of a certificate and role, [admin.roles.NAME] with
# methods and allow (regular expressions of paths).

[reference]
# true takes only reference values signed by one of [reference.signers.NAME], each with keys (a JWK
# set or PEM file); see `nacre measure --sign-key`.
require_signature = false

[denials]  # what guests report of requests they denied; the oldest go first
per_guest = 256
rows = 10000
keep_days = 30
posts_per_minute = 30  # of one guest

[limits]
max_resource_size = 1048576
attestations_per_minute = 120  # of one peer address
max_connections = 256
handler_threads = 2
log_rows = 10000  # attestations remembered, of each outcome

[log]
level = "info"

)";

constexpr std::string_view kPolicy = R"([policy]
# true gives resources to guests that only an emulator vouches for: for tests and demonstrations.
allow_emulated = )";

constexpr std::string_view kPolicyRest = R"(
# false gives tokens to genuine guests that the attestation policy does not affirm; the resource
# policies then decide alone.
require_affirming = true
allow_rsa1_5 = false  # true gives resources in RSA1_5 to guests that know nothing better
allow_ml_kem = false  # true takes guests' ML-KEM-768 keys, an experiment of the protocol
allow_debug = false
allow_migration_agent = false
allow_smt = true
require_single_socket = false
allow_masked_chip_id = false
# [policy.min_tcb] with bootloader, tee, snp, microcode (and fmc on Turin) refuses older firmware.

[policy.tdx]
allow_debug = false
accepted_tcb_statuses = ["UpToDate"]  # Intel's words; "Revoked" is never accepted
refused_advisories = []               # "INTEL-SA-00837": refused whatever the status
require_rtmr0 = true                  # false takes reference values made without ACPI tables

[policy.tpm]
trusted_keys = []  # PEM files: attestation keys of TPMs you know; none refuses evidence of "tpm"

[policy.azure]
paravisors = []  # launch measurements (96 hex digits) of paravisors; none refuses Azure's evidence

[attestation]
# allow_sample = true  # takes "sample" evidence, which anybody can write, for an emulator's
# The root certificates of an emulator; without them emulated evidence is refused as forged.
# emulated_tdx_root = "emulator-tdx-root.pem"
)";

constexpr std::string_view kCollateral = R"(
[attestation.snp]
# Where certificates and CRLs come from that SNP evidence does not bring, in this order.
# collateral = "snp-collateral"         # a folder you keep
# cache = "snp-cache"                   # a folder the broker writes
# url = "https://kdsintf.amd.com"       # AMD's service or a mirror, with its root as `ca`
require_crl = false                     # true refuses where no CRL of the root is at hand

[attestation.tdx]
# Where Intel's collateral comes from, in this order; without any, TDX evidence is refused.
# collateral = "tdx-collateral"         # a folder you keep
# cache = "tdx-cache"                   # a folder the broker writes
# url = "https://api.trustedservices.intel.com"  # or your PCCS, with its root as `ca`
update = "standard"                     # or "early"
)";

bool IsIpAddress(const std::string& name) {
  in6_addr address;
  return inet_pton(AF_INET, name.c_str(), &address) == 1 ||
         inet_pton(AF_INET6, name.c_str(), &address) == 1;
}

std::string Config(const SetupOptions& options) {
  std::string text(kConfigHead);
  text += kPolicy;
  text += options.allow_emulated ? "true" : "false";
  text += kPolicyRest;
  text += options.emulated_root.empty() ? "# emulated_root = \"emulator-ark.pem\"\n"
                                        : "emulated_root = \"emulator-ark.pem\"\n";
  text += kCollateral;
  return text;
}

absl::StatusOr<crypto::Certificate> MakeServerCertificate(const SetupOptions& options, int64_t now,
                                                          const crypto::PrivateKey& key) {
  crypto::CertificateRequest request;
  request.subject = {{"CN", "nacre-kbs"}};
  request.not_before = now - 3600;  // the guest's clock may be a little behind
  request.not_after = now + kCertificateLifetimeS;
  request.server_auth = true;
  request.dns_names = {"localhost"};
  request.ip_addresses = {"127.0.0.1", "::1", "10.0.2.2"};
  for (const std::string& name : options.extra_names) {
    (IsIpAddress(name) ? request.ip_addresses : request.dns_names).push_back(name);
  }
  return crypto::MakeCertificate(request, key.public_key(), nullptr, key,
                                 crypto::SignatureScheme::kEcdsaSha256);
}

struct NewFile {
  std::string_view name;
  SecretBytes contents;
  mode_t mode;
};

absl::StatusOr<NewFile> NewKeyFile(std::string_view name, const crypto::PrivateKey& key) {
  ASSIGN_OR_RETURN(SecretBytes pem, key.ToPem());
  return NewFile{name, std::move(pem), 0600};
}

NewFile NewTextFile(std::string_view name, std::string_view text, mode_t mode) {
  return {name, SecretBytes::CopyOf(AsBytes(text)), mode};
}

absl::StatusOr<std::vector<NewFile>> MakeFiles(const SetupOptions& options, int64_t now) {
  std::vector<NewFile> files;
  ASSIGN_OR_RETURN(auto tls_key, crypto::PrivateKey::GenerateEc(crypto::Curve::kP256));
  ASSIGN_OR_RETURN(auto admin_key, crypto::PrivateKey::GenerateEc(crypto::Curve::kP256));
  ASSIGN_OR_RETURN(auto certificate, MakeServerCertificate(options, now, tls_key),
                   "server certificate");
  ASSIGN_OR_RETURN(std::string admin_pem, admin_key.public_key().ToPem());
  for (auto& [name, key] : {std::pair<std::string_view, crypto::PrivateKey*>{"tls.key", &tls_key},
                            {"admin.key", &admin_key}}) {
    ASSIGN_OR_RETURN(NewFile file, NewKeyFile(name, *key));
    files.push_back(std::move(file));
  }
  files.push_back({"master.key", crypto::RandomSecret(32), 0600});
  files.push_back(NewTextFile("tls.pem", certificate.ToPem(), 0644));
  files.push_back(NewTextFile("admin.pem", admin_pem, 0644));
  if (!options.emulated_root.empty()) {
    ASSIGN_OR_RETURN(std::string root, ReadTextFile(options.emulated_root, kMaxRootFile),
                     "emulated root");
    files.push_back(NewTextFile("emulator-ark.pem", root, 0644));
  }
  // Last: a folder with a configuration is complete.
  files.push_back(NewTextFile("kbs.toml", Config(options), 0644));
  return files;
}

}  // namespace

absl::Status SetUpBroker(const SetupOptions& options, int64_t now) {
  ASSIGN_OR_RETURN(std::vector<NewFile> files, MakeFiles(options, now));
  RETURN_IF_ERROR(MakeDirectories(options.folder, 0700));
  for (const NewFile& file : files) {
    std::string path = options.folder + "/" + std::string(file.name);
    if (PathExists(path)) return absl::AlreadyExistsError(path + " exists; nothing was written");
  }
  for (const NewFile& file : files) {
    RETURN_IF_ERROR(WriteFileAtomic(options.folder + "/" + std::string(file.name),
                                    file.contents.view(), file.mode));
  }
  return absl::OkStatus();
}

}  // namespace nacre::attestation
