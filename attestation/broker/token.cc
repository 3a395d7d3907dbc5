#include "attestation/broker/token.h"

#include "attestation/protocol/jwt.h"
#include "crypto/jwk.h"
#include "crypto/jws.h"

namespace nacre::attestation {

absl::StatusOr<TokenSigner> TokenSigner::Create(crypto::PrivateKey key, std::string issuer) {
  auto curve = key.public_key().curve();
  if (!curve.ok() || *curve != crypto::Curve::kP256) {
    return absl::InvalidArgumentError("token key is not an EC P-256 key");
  }
  ASSIGN_OR_RETURN(std::string key_id, crypto::JwkThumbprint(key.public_key()));
  return TokenSigner(std::move(key), std::move(issuer), std::move(key_id));
}

absl::StatusOr<std::string> TokenSigner::Sign(const Json& claims) const {
  ASSIGN_OR_RETURN(std::string payload, DumpJson(claims));
  return crypto::JwsSign(key_, crypto::JwsAlgorithm::kEs256, {{"kid", key_id_}, {"typ", "JWT"}},
                         AsBytes(payload));
}

absl::StatusOr<Json> TokenSigner::Verify(std::string_view token, int64_t now) const {
  return VerifyJwt(token, key_.public_key(), issuer_, now);
}

absl::StatusOr<std::string> TokenSigner::Jwks() const {
  ASSIGN_OR_RETURN(Json key, crypto::PublicKeyToJwk(key_.public_key()));
  key["kid"] = key_id_;
  key["alg"] = "ES256";
  key["use"] = "sig";
  return DumpJson({{"keys", Json::array({key})}});
}

}  // namespace nacre::attestation
