#include "attestation/broker/guest_key.h"

#include "base/strings.h"
#include "crypto/jwk.h"

namespace nacre::attestation {
namespace {

bool IsForRsa(crypto::JweAlgorithm algorithm) {
  return algorithm == crypto::JweAlgorithm::kRsaOaep ||
         algorithm == crypto::JweAlgorithm::kRsaOaep256;
}

}  // namespace

absl::StatusOr<GuestKey> GuestKeyFrom(const Json& jwk) {
  ASSIGN_OR_RETURN(crypto::PublicKey key, crypto::PublicKeyFromJwk(jwk), "tee-pubkey");
  ASSIGN_OR_RETURN(const std::string name, JsonString(jwk, "alg", "tee-pubkey"));
  ASSIGN_OR_RETURN(const crypto::JweAlgorithm algorithm, crypto::ParseJweAlgorithm(name),
                   "tee-pubkey: alg");
  if (IsForRsa(algorithm) != (key.kind() == crypto::KeyKind::kRsa)) {
    return absl::InvalidArgumentError(StrCat("tee-pubkey: alg ", name, " does not fit the key"));
  }
  return GuestKey{std::move(key), algorithm};
}

}  // namespace nacre::attestation
