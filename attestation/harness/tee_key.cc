#include "attestation/harness/tee_key.h"

#include "base/strings.h"
#include "crypto/jwe.h"
#include "crypto/jwk.h"

namespace nacre::attestation::harness {
namespace {

absl::StatusOr<crypto::PrivateKey> Generate(std::string_view name) {
  if (auto curve = crypto::ParseCurve(name); curve.ok()) {
    return crypto::PrivateKey::GenerateEc(*curve);
  }
  int bits = 0;
  if (name.starts_with("RSA-") && ParseNumber(name.substr(4), &bits)) {
    return crypto::PrivateKey::GenerateRsa(bits);
  }
  return absl::InvalidArgumentError(StrCat(
      "key '", name, "': want P-256, P-384, P-521, RSA-2048, RSA-3072, RSA-4096 or ML-KEM-768"));
}

}  // namespace

absl::StatusOr<TeeKey> MakeTeeKey(std::string_view name) {
  if (name == "ML-KEM-768") {
    crypto::MlKemPrivateKey kem = crypto::MlKemPrivateKey::Generate();
    Json jwk = crypto::MlKemPublicKeyToJwk(kem.public_key());
    return TeeKey{std::move(kem), std::move(jwk)};
  }
  ASSIGN_OR_RETURN(crypto::PrivateKey key, Generate(name));
  ASSIGN_OR_RETURN(Json jwk, crypto::PublicKeyToJwk(key.public_key()));
  jwk["alg"] = crypto::JweAlgorithmName(key.kind() == crypto::KeyKind::kEc
                                            ? crypto::JweAlgorithm::kEcdhEsA256Kw
                                            : crypto::JweAlgorithm::kRsaOaep256);
  return TeeKey{std::move(key), std::move(jwk)};
}

absl::StatusOr<SecretBytes> OpenResource(std::string_view jwe, const TeeKey& key) {
  if (const auto* kem = std::get_if<crypto::MlKemPrivateKey>(&key.key)) {
    return crypto::JweDecrypt(jwe, *kem);
  }
  return crypto::JweDecrypt(jwe, SigningKey(key), crypto::kBrokerJweAlgorithms);
}

}  // namespace nacre::attestation::harness
