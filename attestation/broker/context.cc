#include "attestation/broker/context.h"

#include <sys/stat.h>

#include <ctime>

#include "base/file.h"

namespace nacre::attestation {
namespace {

constexpr size_t kMaxKeyFile = 64 << 10;

// A key others can read is no key: refused like a missing one.
absl::StatusOr<SecretBytes> ReadKeyFile(const std::string& path, std::string_view what) {
  ASSIGN_OR_RETURN(Bytes contents, ReadFile(path, kMaxKeyFile), what);
  SecretBytes key = SecretBytes::TakeFrom(std::move(contents));
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return ErrnoStatus(errno, path);
  if ((info.st_mode & 077) != 0) {
    return absl::FailedPreconditionError(std::string(what) + ": " + path +
                                         " can be read by others; chmod it to 600");
  }
  return key;
}

absl::StatusOr<SecretBytes> ReadRawKey(const std::string& path, std::string_view what) {
  ASSIGN_OR_RETURN(SecretBytes key, ReadKeyFile(path, what));
  if (key.size() == 32) return key;
  return absl::InvalidArgumentError(std::string(what) + ": " + path + " has " +
                                    std::to_string(key.size()) + " bytes, expected 32");
}

absl::StatusOr<TokenSigner> OpenTokenSigner(const BrokerConfig& config) {
  ASSIGN_OR_RETURN(SecretBytes pem, ReadKeyFile(config.token_key, "token key"));
  ASSIGN_OR_RETURN(crypto::PrivateKey key, crypto::PrivateKey::FromPem(pem.view()),
                   "token key " + config.token_key);
  ASSIGN_OR_RETURN(TokenSigner signer, TokenSigner::Create(std::move(key), config.token_issuer),
                   config.token_key);
  return signer;
}

absl::StatusOr<VerifierOptions> OpenTrust(const BrokerConfig& config) {
  VerifierOptions options;
  options.policy = config.snp;
  if (config.emulated_root.empty()) return options;
  ASSIGN_OR_RETURN(std::string pem, ReadTextFile(config.emulated_root, kMaxKeyFile),
                   "emulated root");
  ASSIGN_OR_RETURN(tee::sev::TrustedRoot root, tee::sev::EmulatedRootFromPem(pem),
                   "emulated root " + config.emulated_root);
  options.trust.roots.push_back(std::move(root));
  return options;
}

}  // namespace

absl::StatusOr<std::unique_ptr<BrokerContext>> OpenBrokerContext(const BrokerConfig& config) {
  ASSIGN_OR_RETURN(SecretBytes master_key, ReadRawKey(config.master_key, "master key"));
  ASSIGN_OR_RETURN(SecretBytes cookie_key, ReadRawKey(config.cookie_key, "session key"));
  ASSIGN_OR_RETURN(SessionSealer sessions, SessionSealer::Create(std::move(cookie_key)));
  ASSIGN_OR_RETURN(TokenSigner tokens, OpenTokenSigner(config));
  ASSIGN_OR_RETURN(VerifierOptions trust, OpenTrust(config));
  ASSIGN_OR_RETURN(std::string admin_pem, ReadTextFile(config.admin_public_key, kMaxKeyFile),
                   "admin public key");
  ASSIGN_OR_RETURN(crypto::PublicKey admin_key, crypto::PublicKey::FromPem(admin_pem),
                   "admin public key " + config.admin_public_key);
  StoreLimits limits;
  limits.max_log_rows = static_cast<int64_t>(config.log_rows);
  ASSIGN_OR_RETURN(std::unique_ptr<Store> store, Store::Open(config.database, master_key, limits));
  auto references = std::make_unique<ReferenceCatalogue>(store.get());
  RETURN_IF_ERROR(references->All().status());
  return std::make_unique<BrokerContext>(
      BrokerContext{.config = config,
                    .store = std::move(store),
                    .references = std::move(references),
                    .sessions = std::move(sessions),
                    .tokens = std::move(tokens),
                    .verifier = Verifier(std::move(trust)),
                    .admin_key = std::move(admin_key),
                    .unix_time = [] { return static_cast<int64_t>(std::time(nullptr)); }});
}

}  // namespace nacre::attestation
