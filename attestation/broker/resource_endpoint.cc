#include "attestation/broker/resource_endpoint.h"

#include "attestation/broker/release_policy.h"
#include "attestation/protocol/jwt.h"
#include "attestation/protocol/resource_path.h"
#include "crypto/jwe.h"
#include "crypto/jwk.h"

namespace nacre::attestation {
namespace {

// The claims of the request's token, wherever it is; kUnauthenticated when there is none of ours.
absl::StatusOr<Json> Claims(const BrokerContext& context, const Call& call) {
  std::string_view cookie = FindSessionCookie(call.request.Header("Cookie"));
  if (!cookie.empty()) {
    auto session = context.sessions.Open(cookie, call.origin.time);
    if (session.ok() && !session->token.empty()) {
      auto claims = context.tokens.Verify(session->token, call.origin.time);
      if (claims.ok()) return claims;
    }
  }
  std::string_view bearer = BearerToken(call.request.Header("Authorization"));
  if (bearer.empty()) return absl::UnauthenticatedError("no attested session and no token");
  return context.tokens.Verify(bearer, call.origin.time);
}

absl::StatusOr<std::string> EncryptFor(const Json& jwk, ByteView contents) {
  ASSIGN_OR_RETURN(crypto::PublicKey key, crypto::PublicKeyFromJwk(jwk), "tee-pubkey");
  auto algorithm = key.kind() == crypto::KeyKind::kEc ? crypto::JweAlgorithm::kEcdhEsA256Kw
                                                      : crypto::JweAlgorithm::kRsaOaep256;
  return crypto::JweEncrypt(key, algorithm, contents);
}

Answer Deny(BrokerContext& context, const Call& call, const EarSummary& guest,
            const ResourcePath& path, const ReleaseDecision& decision) {
  absl::Status logged = context.store->AppendLog(
      ExplainResourceRefusal(call.origin, guest, path.Text(), decision.code, decision.summary));
  if (!logged.ok()) return RefuseFailure(logged, call.origin.id);
  return Refuse({403, "PolicyDeny", decision.code, "policy denies this resource", decision.summary},
                call.origin.id);
}

}  // namespace

Answer HandleGetResource(BrokerContext& context, const Call& call, std::string_view path_text) {
  auto claims = Claims(context, call);
  if (!claims.ok()) {
    return Refuse({401, "TokenNotFound", "not-attested", "attest first",
                   std::string(claims.status().message())},
                  call.origin.id);
  }
  auto path = ParseResourcePath(path_text);
  if (!path.ok()) {
    return Refuse({404, "InvalidRequestPath", "bad-path", std::string(path.status().message()), ""},
                  call.origin.id);
  }
  auto guest = ReadEar(*claims);
  if (!guest.ok()) return RefuseFailure(guest.status(), call.origin.id);
  ReleaseDecision decision = DecideRelease(*guest, context.config.allow_emulated);
  if (!decision.allowed) return Deny(context, call, *guest, *path, decision);
  auto contents = context.store->GetResource(path->Text());
  if (!contents.ok()) return RefuseFailure(contents.status(), call.origin.id);
  auto jwe = EncryptFor(guest->tee_pubkey, contents->view());
  if (!jwe.ok()) return RefuseFailure(jwe.status(), call.origin.id);
  Answer answer = JsonAnswer(*std::move(jwe));
  answer.summary = "resource " + path->Text() + " released to attestation " + guest->id;
  return answer;
}

}  // namespace nacre::attestation
