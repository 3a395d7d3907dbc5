#include "attestation/broker/resource_endpoint.h"

#include "attestation/broker/guest_key.h"
#include "attestation/broker/release_floor.h"
#include "attestation/protocol/jwt.h"
#include "attestation/protocol/resource_path.h"
#include "base/json_members.h"
#include "crypto/jwe.h"

namespace nacre::attestation {
namespace {

// Of a token of ours or of one of those whose word counts here.
absl::StatusOr<EarSummary> ReadBearer(const BrokerContext& context, std::string_view bearer,
                                      int64_t now, Json* claims) {
  auto own = context.tokens.Verify(bearer, now);
  if (own.ok()) {
    *claims = *std::move(own);
    return ReadEar(*claims);
  }
  for (const TrustedTokens& trusted : context.trusted_tokens) {
    auto foreign = trusted.keys.Verify(bearer, trusted.expected, now);
    if (!foreign.ok()) continue;
    *claims = *std::move(foreign);
    return ReadForeignEar(*claims);
  }
  return own.status();
}

}  // namespace

absl::StatusOr<EarSummary> ReadGuestToken(const BrokerContext& context, const Call& call,
                                          Json* claims) {
  std::string_view cookie = FindSessionCookie(call.request.Header("Cookie"));
  if (!cookie.empty()) {
    auto session = context.sessions.Open(cookie, call.origin.time);
    if (session.ok() && !session->token.empty()) {
      auto own = context.tokens.Verify(session->token, call.origin.time);
      if (own.ok()) {
        *claims = *std::move(own);
        return ReadEar(*claims);
      }
    }
  }
  std::string_view bearer = BearerToken(call.request.Header("Authorization"));
  if (bearer.empty()) return absl::UnauthenticatedError("no attested session and no token");
  return ReadBearer(context, bearer, call.origin.time, claims);
}

namespace {

absl::StatusOr<std::string> EncryptFor(const Json& jwk, const GuestKeyRules& rules,
                                       ByteView contents) {
  ASSIGN_OR_RETURN(const GuestKey guest, GuestKeyFrom(jwk, rules));
  return EncryptFor(guest, contents);
}

struct Denial {
  std::string code;
  std::string summary;
  std::string trace;  // of the policy
};

// A denial is written down, which waits for the disk.
Answer Deny(BrokerContext& context, const Call& call, const EarSummary& guest,
            const ResourcePath& path, const Denial& denial) {
  if (call.at_once) return {.response = {}, .code = {}, .summary = {}, .has_to_wait = true};
  absl::Status logged = context.store->AppendLog(ExplainResourceRefusal(
      call.origin, guest, path.Text(), denial.code, denial.summary, denial.trace));
  if (!logged.ok()) return RefuseFailure(logged, call.origin.id);
  return Refuse({403, "PolicyDeny", denial.code, "policy denies this resource", denial.summary},
                call.origin.id);
}

// What the resource policies of newer peers read beside the claims themselves, which the summary
// gets too.
Json TrustContext(const Json& claims, const EarSummary& guest) {
  return JsonMembers()
      .Set("attestation_summary",
           JsonMembers()
               .Set("tee_type", Json::array_t{Json(guest.tee)})
               .Set("policy_ids", Json::array_t{Json("default")})
               .Set("issuer", claims.value("iss", ""))
               .Set("verification_result", guest.status == EarStatus::kAffirming)
               .Build())
      .Set("tee_pubkey", guest.tee_pubkey)
      .Build();
}

std::optional<Denial> Judge(BrokerContext& context, const Call& call, const Json& claims,
                            const EarSummary& guest, const ResourcePath& path) {
  const FloorDecision floor =
      CheckFloor(guest, {.allow_emulated = context.config.allow_emulated,
                         .require_affirming = context.config.require_affirming});
  if (!floor.allowed) return Denial{floor.code, floor.summary, ""};
  const auto references = context.references->All();
  if (!references.ok()) return Denial{"resource-policy", references.status().ToString(), ""};
  const Json data =
      JsonMembers()
          .Set("plugin", "resource")
          .Set("resource-path",
               Json::array_t{Json(path.repository), Json(path.type), Json(path.tag)})
          .Set("query", Json::object_t())
          .Set("nacre", JsonMembers().Set("allow_emulated", context.config.allow_emulated).Build())
          .Build();
  const auto policies = context.policies->Current();
  if (!policies.ok()) return Denial{"resource-policy", policies.status().ToString(), ""};
  const BrokerPolicy& policy = (*policies)->ForResource(path.Text());
  ReferenceQuestions questions(*references, call.origin.time);
  BrokerPolicy::Decision decision = policy.Decide(
      claims, data, [&](std::string_view id) { return questions.Ask(id); },
      TrustContext(claims, guest));
  if (decision.allowed) return std::nullopt;
  return Denial{"resource-policy",
                "resource refused: policy '" + policy.name() + "' does not allow it" +
                    questions.ExpiredOnes(),
                std::move(decision.why_not)};
}

}  // namespace

Answer HandleGetResource(BrokerContext& context, const Call& call, std::string_view path_text) {
  Json claims;
  auto guest = ReadGuestToken(context, call, &claims);
  if (absl::IsUnauthenticated(guest.status())) {
    return Refuse({401, "TokenNotFound", "not-attested", "attest first",
                   std::string(guest.status().message())},
                  call.origin.id);
  }
  auto path = ParseResourcePath(path_text);
  if (!path.ok()) {
    return Refuse({404, "InvalidRequestPath", "bad-path", std::string(path.status().message()), ""},
                  call.origin.id);
  }
  if (!guest.ok()) return RefuseFailure(guest.status(), call.origin.id);
  const auto denial = Judge(context, call, claims, *guest, *path);
  if (denial) return Deny(context, call, *guest, *path, *denial);
  auto contents = context.store->GetResource(path->Text());
  if (!contents.ok()) return RefuseFailure(contents.status(), call.origin.id);
  auto jwe = EncryptFor(guest->tee_pubkey, context.config.guest_keys, contents->view());
  if (!jwe.ok()) return RefuseFailure(jwe.status(), call.origin.id);
  Answer answer = JsonAnswer(*std::move(jwe));
  answer.summary = "resource " + path->Text() + " released to attestation " + guest->id;
  return answer;
}

}  // namespace nacre::attestation
