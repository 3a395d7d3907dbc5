#include "attestation/broker/key_set.h"

#include <algorithm>

#include "attestation/protocol/jwt.h"
#include "base/encoding.h"
#include "base/strings.h"
#include "crypto/crl.h"
#include "crypto/jwk.h"
#include "crypto/jws.h"

namespace nacre::attestation {
namespace {

constexpr size_t kMaxKeys = 64;
constexpr size_t kMaxChain = 8;

absl::Status Unauthenticated(std::string_view why) {
  return absl::UnauthenticatedError(StrCat("token ", why));
}

// Absent members are "".
std::string Text(const Json& object, std::string_view name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return "";
  return found->get<std::string>();
}

absl::Status VerifyRsa(std::string_view token, std::string_view algorithm,
                       const crypto::PublicKey& key) {
  const size_t dot = token.rfind('.');
  ASSIGN_OR_RETURN(const Bytes signature, Base64UrlDecode(token.substr(dot + 1)));
  const ByteView text = AsBytes(token.substr(0, dot));
  if (algorithm == "RS256") {
    return key.VerifyRsaPkcs1(crypto::HashAlgorithm::kSha256, text, signature);
  }
  if (algorithm == "RS384") {
    return key.VerifyRsaPkcs1(crypto::HashAlgorithm::kSha384, text, signature);
  }
  if (algorithm == "PS256") {
    return key.VerifyRsaPss(crypto::HashAlgorithm::kSha256, text, signature);
  }
  return Unauthenticated("has an algorithm that does not fit the key");
}

absl::Status VerifyWith(std::string_view token, std::string_view algorithm,
                        const crypto::PublicKey& key) {
  if (key.kind() == crypto::KeyKind::kRsa) return VerifyRsa(token, algorithm, key);
  if (algorithm == "ES256") {
    return crypto::JwsVerify(token, key, crypto::JwsAlgorithm::kEs256).status();
  }
  if (algorithm == "ES384") {
    return crypto::JwsVerify(token, key, crypto::JwsAlgorithm::kEs384).status();
  }
  return Unauthenticated("has an algorithm that does not fit the key");
}

absl::Status CheckTimes(const Json& claims, int64_t now) {
  const auto expires = JsonUint(claims, "exp", "token");
  if (!expires.ok()) return Unauthenticated("has no expiry");
  if (*expires <= static_cast<uint64_t>(now)) return Unauthenticated("has expired");
  for (const char* name : {"nbf", "iat"}) {
    if (!claims.contains(name)) continue;
    const auto from = JsonUint(claims, name, "token");
    if (!from.ok() || *from > static_cast<uint64_t>(now + kClockLeewayS)) {
      return Unauthenticated("is not valid yet");
    }
  }
  return absl::OkStatus();
}

bool HasAudience(const Json& claims, const std::string& wanted) {
  const auto found = claims.find("aud");
  if (found == claims.end()) return false;
  if (found->is_string()) return *found == wanted;
  return found->is_array() && std::ranges::find(*found, Json(wanted)) != found->end();
}

}  // namespace

absl::Status KeySet::AddJwk(const Json& jwk) {
  if (!jwk.is_object()) return absl::InvalidArgumentError("key set: a key is not an object");
  const std::string use = Text(jwk, "use");
  if (!use.empty() && use != "sig") return absl::OkStatus();
  ASSIGN_OR_RETURN(crypto::PublicKey key, crypto::PublicKeyFromJwk(jwk), "key set");
  keys_.push_back({std::move(key), Text(jwk, "kid"), Text(jwk, "alg")});
  return absl::OkStatus();
}

absl::StatusOr<KeySet> KeySet::Parse(std::string_view text) {
  KeySet set;
  const std::string_view begin = StripSpace(text);
  if (begin.starts_with('{')) {
    ASSIGN_OR_RETURN(const Json json, ParseJson(text, {.max_size = 1 << 20, .max_depth = 8}),
                     "key set");
    if (!json.contains("keys")) {
      RETURN_IF_ERROR(set.AddJwk(json));
    } else {
      ASSIGN_OR_RETURN(const Json* keys, JsonArray(json, "keys", "key set"));
      if (keys->size() > kMaxKeys) return absl::InvalidArgumentError("key set: too many keys");
      for (const Json& key : *keys) RETURN_IF_ERROR(set.AddJwk(key));
    }
  } else if (begin.find("BEGIN CERTIFICATE") != std::string_view::npos) {
    ASSIGN_OR_RETURN(set.roots_, crypto::Certificate::AllFromPem(text), "key set");
  } else {
    ASSIGN_OR_RETURN(crypto::PublicKey key, crypto::PublicKey::FromPem(text), "key set");
    set.keys_.push_back({std::move(key), "", ""});
  }
  if (set.keys_.empty() && set.roots_.empty()) {
    return absl::InvalidArgumentError("key set: no key that verifies signatures");
  }
  return set;
}

// "x5c" stands in the header, or in its "jwk" as peers have it.
absl::StatusOr<KeySet::Key> KeySet::FromChain(const Json& header, int64_t now) const {
  const auto jwk = header.find("jwk");
  const Json& holder = jwk != header.end() && jwk->is_object() ? *jwk : header;
  ASSIGN_OR_RETURN(const Json* chain, JsonArray(holder, "x5c", "token: header"));
  if (chain->empty() || chain->size() > kMaxChain) {
    return absl::InvalidArgumentError("token: header: x5c");
  }
  std::vector<crypto::Certificate> certificates;
  for (const Json& entry : *chain) {
    if (!entry.is_string()) return absl::InvalidArgumentError("token: header: x5c");
    ASSIGN_OR_RETURN(const Bytes der, Base64Decode(entry.get_ref<const std::string&>()));
    ASSIGN_OR_RETURN(crypto::Certificate certificate, crypto::Certificate::FromDer(der));
    certificates.push_back(std::move(certificate));
  }
  crypto::ChainOptions options;
  options.roots = roots_;
  options.intermediates.assign(certificates.begin() + 1, certificates.end());
  options.time = now;
  options.allow_leaf_as_root = true;
  RETURN_IF_ERROR(crypto::VerifyChain(certificates[0], options).status());
  ASSIGN_OR_RETURN(crypto::PublicKey key, certificates[0].public_key());
  return Key{std::move(key), "", Text(holder, "alg")};
}

absl::Status KeySet::VerifySignature(std::string_view token, const Json& header, int64_t now,
                                     std::optional<Key>* signer) const {
  const std::string algorithm = Text(header, "alg");
  const std::string id = Text(header, "kid");
  if (!roots_.empty()) {
    ASSIGN_OR_RETURN(Key key, FromChain(header, now));
    RETURN_IF_ERROR(VerifyWith(token, algorithm, key.key));
    if (signer != nullptr) *signer = std::move(key);
    return absl::OkStatus();
  }
  for (const Key& key : keys_) {
    if (!id.empty() && !key.id.empty() && key.id != id) continue;
    if (!key.algorithm.empty() && key.algorithm != algorithm) continue;
    if (!VerifyWith(token, algorithm, key.key).ok()) continue;
    if (signer != nullptr) *signer = key;
    return absl::OkStatus();
  }
  return Unauthenticated("is signed by none of the trusted keys");
}

absl::StatusOr<KeySet::Document> KeySet::VerifyDocument(std::string_view jws, std::string_view type,
                                                        int64_t now) const {
  const auto parsed = crypto::ParseUnverifiedJws(jws);
  if (!parsed.ok()) return absl::UnauthenticatedError("it is no signed document");
  if (Text(parsed->header, "typ") != type) {
    return absl::UnauthenticatedError(StrCat("its header does not have \"typ\" \"", type, "\""));
  }
  std::optional<Key> signer;
  const absl::Status genuine = VerifySignature(jws, parsed->header, now, &signer);
  if (!genuine.ok()) return absl::UnauthenticatedError(genuine.message());
  ASSIGN_OR_RETURN(std::string thumbprint, crypto::JwkThumbprint(signer->key));
  return Document{parsed->payload, std::move(thumbprint)};
}

absl::StatusOr<Json> KeySet::Verify(std::string_view token, const TokenExpectations& expected,
                                    int64_t now) const {
  if (token.size() > kMaxTokenSize) return Unauthenticated("is too long");
  const auto jws = crypto::ParseUnverifiedJws(token);
  if (!jws.ok()) return Unauthenticated("is no signed token");
  const absl::Status genuine = VerifySignature(token, jws->header, now);
  if (!genuine.ok()) return Unauthenticated(StrCat("refused: ", Message(genuine)));
  auto claims = ParseJson(AsText(jws->payload), {.max_size = kMaxTokenSize, .max_depth = 32});
  if (!claims.ok() || !claims->is_object()) return Unauthenticated("holds no claims");
  if (!expected.issuer.empty() && Text(*claims, "iss") != expected.issuer) {
    return Unauthenticated("has another issuer");
  }
  if (!expected.audience.empty() && !HasAudience(*claims, expected.audience)) {
    return Unauthenticated("is for another audience");
  }
  RETURN_IF_ERROR(CheckTimes(*claims, now));
  return *std::move(claims);
}

}  // namespace nacre::attestation
