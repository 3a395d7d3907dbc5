#include "attestation/harness/token_tools.h"

#include "base/encoding.h"
#include "base/strings.h"
#include "crypto/jwk.h"
#include "crypto/jws.h"

namespace nacre::attestation::harness {
namespace {

std::string Part(const Json& json) {
  return Base64UrlEncode(AsBytes(json.dump(-1, ' ', false, Json::error_handler_t::ignore)));
}

absl::StatusOr<crypto::PublicKey> KeyOf(const Json& jwk) {
  Json bare = Json::object();
  for (const char* member : {"kty", "crv", "x", "y", "n", "e"}) {
    if (jwk.contains(member)) bare[member] = jwk[member];
  }
  return crypto::PublicKeyFromJwk(bare);
}

}  // namespace

absl::StatusOr<TokenParts> TakeApart(std::string_view token) {
  std::vector<std::string_view> pieces = StrSplit(token, '.');
  if (pieces.size() != 3) return absl::InvalidArgumentError("token: not three parts");
  ASSIGN_OR_RETURN(const Bytes header, Base64UrlDecode(pieces[0]), "token: header");
  ASSIGN_OR_RETURN(const Bytes claims, Base64UrlDecode(pieces[1]), "token: claims");
  TokenParts parts;
  ASSIGN_OR_RETURN(parts.header, ParseJson(AsText(header)), "token: header");
  ASSIGN_OR_RETURN(parts.claims, ParseJson(AsText(claims)), "token: claims");
  ASSIGN_OR_RETURN(parts.signature, Base64UrlDecode(pieces[2]), "token: signature");
  if (parts.header.is_object() && parts.claims.is_object()) return parts;
  return absl::InvalidArgumentError("token: header or claims are no object");
}

std::string PutTogether(const TokenParts& parts) {
  return StrCat(Part(parts.header), ".", Part(parts.claims), ".", Base64UrlEncode(parts.signature));
}

absl::StatusOr<std::string> SignParts(TokenParts parts, const crypto::PrivateKey& key) {
  std::string text = StrCat(Part(parts.header), ".", Part(parts.claims));
  ASSIGN_OR_RETURN(parts.signature, key.SignEcdsa(crypto::HashAlgorithm::kSha256, AsBytes(text)));
  return StrCat(text, ".", Base64UrlEncode(parts.signature));
}

absl::StatusOr<Json> VerifyWithJwks(std::string_view token, const Json& jwks) {
  ASSIGN_OR_RETURN(const TokenParts parts, TakeApart(token));
  ASSIGN_OR_RETURN(const std::string alg, JsonString(parts.header, "alg", "token: header"));
  if (alg != "ES256" && alg != "ES384") {
    return absl::UnauthenticatedError(StrCat("a token signed with '", alg, "'"));
  }
  ASSIGN_OR_RETURN(const Json* keys, JsonArray(jwks, "keys", "JWKS"));
  for (const Json& jwk : *keys) {
    bool named = parts.header.contains("kid") && jwk.contains("kid");
    if (named && parts.header["kid"] != jwk["kid"]) continue;
    auto key = KeyOf(jwk);
    if (!key.ok()) continue;
    auto verified = crypto::JwsVerify(
        token, *key, alg == "ES256" ? crypto::JwsAlgorithm::kEs256 : crypto::JwsAlgorithm::kEs384);
    if (verified.ok()) return parts.claims;
  }
  return absl::UnauthenticatedError("a token that no key of the JWKS has signed");
}

}  // namespace nacre::attestation::harness
