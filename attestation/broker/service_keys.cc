#include "attestation/broker/service_keys.h"

#include <sys/stat.h>

#include "base/file.h"
#include "base/strings.h"
#include "crypto/x509.h"

namespace nacre::attestation {
namespace {

constexpr size_t kMaxKeyFile = 64 << 10;
constexpr int64_t kHourS = 3600;
// How long a relying party may keep a JWKS before it looks again.
constexpr int64_t kAnnounceS = kHourS;

// A key others can read is no key: refused like a missing one.
absl::StatusOr<SecretBytes> ReadKeyFile(const std::string& path, std::string_view what) {
  ASSIGN_OR_RETURN(Bytes contents, ReadFile(path, kMaxKeyFile), what);
  SecretBytes key = SecretBytes::TakeFrom(std::move(contents));
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return ErrnoStatus(errno, path);
  if ((info.st_mode & 077) != 0) {
    return absl::FailedPreconditionError(
        StrCat(what, ": ", path, " can be read by others; chmod it to 600"));
  }
  return key;
}

absl::StatusOr<std::vector<Bytes>> ReadCertificates(const std::string& path) {
  std::vector<Bytes> chain;
  if (path.empty()) return chain;
  ASSIGN_OR_RETURN(const std::string pem, ReadTextFile(path, kMaxKeyFile), "token certificate");
  ASSIGN_OR_RETURN(const std::vector<crypto::Certificate> certificates,
                   crypto::Certificate::AllFromPem(pem), StrCat("token certificate ", path));
  for (const crypto::Certificate& certificate : certificates)
    chain.push_back(ToBytes(certificate.der()));
  return chain;
}

}  // namespace

KeyRingOptions SessionRing(const BrokerConfig& config) {
  return {.purpose = "session",
          .rotate_after_s = static_cast<int64_t>(config.session_rotate_hours) * kHourS,
          .announce_s = 0,
          .keep_s = config.session_lifetime_s,
          .make = MakeSessionKey,
          .clock = {}};
}

KeyRingOptions TokenRing(const BrokerConfig& config) {
  return {.purpose = "token",
          .rotate_after_s = static_cast<int64_t>(config.token_rotate_days) * 24 * kHourS,
          .announce_s = kAnnounceS,
          .keep_s = config.token_lifetime_s,
          .make = MakeTokenKey,
          .clock = {}};
}

absl::StatusOr<SessionSealer> OpenSessionSealer(const BrokerConfig& config, Store* store) {
  if (config.cookie_key.empty()) {
    ASSIGN_OR_RETURN(std::unique_ptr<KeyRing> ring, KeyRing::Open(store, SessionRing(config)));
    return SessionSealer(std::move(ring));
  }
  ASSIGN_OR_RETURN(SecretBytes key, ReadKeyFile(config.cookie_key, "session key"));
  ASSIGN_OR_RETURN(SessionSealer sealer, SessionSealer::Create(std::move(key)), config.cookie_key);
  return sealer;
}

absl::StatusOr<TokenSigner> OpenTokenSigner(const BrokerConfig& config, Store* store) {
  if (config.token_key.empty()) {
    ASSIGN_OR_RETURN(std::unique_ptr<KeyRing> ring, KeyRing::Open(store, TokenRing(config)));
    return TokenSigner(std::move(ring), config.token_issuer);
  }
  ASSIGN_OR_RETURN(SecretBytes pem, ReadKeyFile(config.token_key, "token key"));
  ASSIGN_OR_RETURN(crypto::PrivateKey key, crypto::PrivateKey::FromPem(pem.view()),
                   StrCat("token key ", config.token_key));
  ASSIGN_OR_RETURN(std::vector<Bytes> chain, ReadCertificates(config.token_certificate));
  ASSIGN_OR_RETURN(TokenSigner signer,
                   TokenSigner::Create(std::move(key), config.token_issuer, std::move(chain)),
                   config.token_key);
  return signer;
}

}  // namespace nacre::attestation
