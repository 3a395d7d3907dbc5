#include "base/encoding.h"
#include "base/strings.h"
#include "crypto/jwe.h"
#include "crypto/jwk.h"
#include "crypto/ml_kem.h"

namespace nacre::crypto {
namespace {

constexpr char kKeyType[] = "AKP";

absl::Status MustBe(const Json& jwk, std::string_view member, std::string_view want) {
  ASSIGN_OR_RETURN(const std::string value, JsonString(jwk, member, "JWK"));
  if (value == want) return absl::OkStatus();
  return absl::InvalidArgumentError(StrCat("JWK: member '", member, "' must be ", want));
}

}  // namespace

Json MlKemPublicKeyToJwk(const MlKemPublicKey& key) {
  return {{"kty", kKeyType},
          {"alg", std::string(JweAlgorithmName(JweAlgorithm::kMlKem768A192Kw))},
          {"pub", Base64UrlEncode(key.bytes())}};
}

absl::StatusOr<MlKemPublicKey> MlKemPublicKeyFromJwk(const Json& jwk) {
  RETURN_IF_ERROR(MustBe(jwk, "kty", kKeyType));
  RETURN_IF_ERROR(MustBe(jwk, "alg", JweAlgorithmName(JweAlgorithm::kMlKem768A192Kw)));
  if (jwk.contains("priv")) {
    return absl::InvalidArgumentError("JWK: member 'priv' is private, a public key is wanted");
  }
  ASSIGN_OR_RETURN(const std::string text, JsonString(jwk, "pub", "JWK"));
  ASSIGN_OR_RETURN(const Bytes encoded, Base64UrlDecode(text), "JWK: member 'pub'");
  return MlKemPublicKey::FromBytes(encoded);
}

}  // namespace nacre::crypto
