#include "attestation/broker/guest_key.h"

#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "attestation/broker/config.h"
#include "base/json_writer.h"
#include "base/strings.h"
#include "crypto/jwk.h"

namespace nacre::attestation {
namespace {

bool IsForRsa(crypto::JweAlgorithm algorithm) {
  return algorithm == crypto::JweAlgorithm::kRsaOaep ||
         algorithm == crypto::JweAlgorithm::kRsaOaep256 ||
         algorithm == crypto::JweAlgorithm::kRsa15;
}

absl::StatusOr<GuestKey> MlKemKeyFrom(const Json& jwk, const GuestKeyRules& rules) {
  if (!rules.ml_kem) {
    return absl::InvalidArgumentError(
        "tee-pubkey: kty AKP (ML-KEM) is an experiment and refused; [policy] allow_ml_kem takes "
        "it");
  }
  ASSIGN_OR_RETURN(crypto::MlKemPublicKey key, crypto::MlKemPublicKeyFromJwk(jwk), "tee-pubkey");
  return GuestKey{std::move(key), crypto::JweAlgorithm::kMlKem768A192Kw};
}

absl::StatusOr<crypto::JweAlgorithm> AlgorithmNamed(std::string_view name, bool allow_rsa1_5) {
  if (name != crypto::JweAlgorithmName(crypto::JweAlgorithm::kRsa15)) {
    return crypto::ParseJweAlgorithm(name);
  }
  if (allow_rsa1_5) return crypto::JweAlgorithm::kRsa15;
  return absl::InvalidArgumentError(
      "RSA1_5 is refused: who decrypts it can be made to tell; [policy] allow_rsa1_5 takes it");
}

absl::StatusOr<GuestKey> Read(const Json& jwk, const GuestKeyRules& rules) {
  ASSIGN_OR_RETURN(const std::string kind, JsonString(jwk, "kty", "tee-pubkey"));
  if (kind == "AKP") return MlKemKeyFrom(jwk, rules);
  ASSIGN_OR_RETURN(crypto::PublicKey key, crypto::PublicKeyFromJwk(jwk), "tee-pubkey");
  ASSIGN_OR_RETURN(const std::string name, JsonString(jwk, "alg", "tee-pubkey"));
  ASSIGN_OR_RETURN(const crypto::JweAlgorithm algorithm, AlgorithmNamed(name, rules.rsa1_5),
                   "tee-pubkey: alg");
  if (IsForRsa(algorithm) != (key.kind() == crypto::KeyKind::kRsa)) {
    return absl::InvalidArgumentError(StrCat("tee-pubkey: alg ", name, " does not fit the key"));
  }
  return GuestKey{std::move(key), algorithm};
}

// Good keys by all of their text, the latest at least: a guest's key comes with its evidence and
// again with each resource.
class KnownKeys {
 public:
  std::optional<GuestKey> Find(const std::string& text) {
    const std::lock_guard lock(mutex_);
    const auto found = keys_.find(text);
    return found == keys_.end() ? std::nullopt : std::optional<GuestKey>(found->second);
  }
  void Keep(std::string text, const GuestKey& key) {
    if (text.size() > kMaxText) return;
    const std::lock_guard lock(mutex_);
    if (keys_.size() >= kMaxKeys) keys_.clear();
    keys_.emplace(std::move(text), key);
  }

 private:
  static constexpr size_t kMaxKeys = 256;
  static constexpr size_t kMaxText = 4 << 10;
  std::mutex mutex_;
  std::unordered_map<std::string, GuestKey> keys_;
};

}  // namespace

absl::StatusOr<GuestKey> GuestKeyFrom(const Json& jwk, const GuestKeyRules& rules) {
  static KnownKeys* const known = new KnownKeys;  // never destroyed: threads may ask during exit
  std::string text = StrCat(rules.rsa1_5 ? "1" : "0", rules.ml_kem ? "1" : "0");
  const bool whole = AppendJson(&text, jwk);
  if (whole) {
    if (auto key = known->Find(text)) return *std::move(key);
  }
  ASSIGN_OR_RETURN(GuestKey key, Read(jwk, rules));
  if (whole) known->Keep(std::move(text), key);
  return key;
}

absl::StatusOr<std::string> EncryptFor(const GuestKey& guest, ByteView contents) {
  if (const auto* kem = std::get_if<crypto::MlKemPublicKey>(&guest.key)) {
    return crypto::JweEncrypt(*kem, contents);
  }
  return crypto::JweEncrypt(std::get<crypto::PublicKey>(guest.key), guest.algorithm, contents);
}

}  // namespace nacre::attestation
