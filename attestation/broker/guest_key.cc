#include "attestation/broker/guest_key.h"

#include "attestation/broker/config.h"
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

}  // namespace

absl::StatusOr<GuestKey> GuestKeyFrom(const Json& jwk, const GuestKeyRules& rules) {
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

absl::StatusOr<std::string> EncryptFor(const GuestKey& guest, ByteView contents) {
  if (const auto* kem = std::get_if<crypto::MlKemPublicKey>(&guest.key)) {
    return crypto::JweEncrypt(*kem, contents);
  }
  return crypto::JweEncrypt(std::get<crypto::PublicKey>(guest.key), guest.algorithm, contents);
}

}  // namespace nacre::attestation
