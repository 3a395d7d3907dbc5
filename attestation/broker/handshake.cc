// Two rules order the steps of an attestation. A nonce is spent before the evidence is looked at,
// so that evidence gets one try, whatever its fate. And nothing of why evidence was refused goes
// back over the wire except the name of the check: the guest's host reads what the guest gets, and
// must not be able to feel its way to a measurement that passes.
#include "attestation/broker/handshake.h"

#include <algorithm>

#include "attestation/broker/guest_key.h"
#include "attestation/protocol/binding.h"
#include "attestation/protocol/evidence.h"
#include "attestation/protocol/messages.h"
#include "base/encoding.h"
#include "crypto/jwk.h"
#include "crypto/random.h"
#include "tee/common/initdata.h"

namespace nacre::attestation {
namespace {

constexpr size_t kNonceSize = 32;

Answer Malformed(const Call& call, const absl::Status& status) {
  return Refuse({400, "MalformedRequest", "malformed", std::string(status.message()), ""},
                call.origin.id);
}

// Writes the row, then refuses with 401 and its code.
Answer RefuseEvidence(BrokerContext& context, const Call& call, const LogRow& row) {
  absl::Status logged = context.store->AppendLog(row);
  if (!logged.ok()) return RefuseFailure(logged, call.origin.id);
  return Refuse(
      {401, "AttestationError", row.code, "attestation refused: " + row.code, row.summary},
      call.origin.id);
}

Answer RefuseEarly(BrokerContext& context, const Call& call, std::string_view tee,
                   std::string_view code, std::string_view summary) {
  return RefuseEvidence(context, call, ExplainRefusal(call.origin, tee, code, summary));
}

// The guest's key must be one we can encrypt to.
absl::Status CheckTeeKey(const Json& jwk, const GuestKeyRules& rules) {
  RETURN_IF_ERROR(
      JsonOnlyMembers(jwk, {"kty", "crv", "alg", "x", "y", "n", "e", "pub"}, "tee-pubkey"));
  RETURN_IF_ERROR(JsonString(jwk, "alg", "tee-pubkey").status());
  return GuestKeyFrom(jwk, rules).status();
}

// All the evidence of one attestation, and what it has to be bound to.
struct Parts {
  std::vector<EvidenceMessage> evidence;  // the primary first
  Bytes primary_binding;
  Bytes device_binding;
  std::optional<Bytes> initdata_digest;  // of the primary
};

absl::StatusOr<Parts> ReadParts(const Session& session, const Attestation& attestation,
                                const GuestKeyRules& rules) {
  RETURN_IF_ERROR(CheckTeeKey(attestation.tee_pubkey, rules));
  Parts parts;
  ASSIGN_OR_RETURN(const EvidenceKind kind, ParseEvidenceKind(session.tee));
  ASSIGN_OR_RETURN(EvidenceMessage primary, EvidenceFromJson(kind, attestation.primary_evidence));
  parts.evidence.push_back(std::move(primary));
  ASSIGN_OR_RETURN(std::vector<EvidenceMessage> others,
                   ParseAdditionalEvidence(attestation.additional_evidence));
  for (EvidenceMessage& other : others) parts.evidence.push_back(std::move(other));
  ASSIGN_OR_RETURN(parts.primary_binding, PrimaryBinding(attestation.nonce, attestation.tee_pubkey,
                                                         attestation.additional_evidence));
  if (parts.evidence.size() > 1) {
    ASSIGN_OR_RETURN(parts.device_binding,
                     DeviceBinding(attestation.nonce, attestation.tee_pubkey));
  }
  if (attestation.init_data) {
    ASSIGN_OR_RETURN(parts.initdata_digest, tee::InitdataDigest(attestation.init_data->body),
                     "init-data");
  }
  return parts;
}

// Every part is appraised, so that the owner reads of all that is wrong.
std::vector<AppraisalOutcome> AppraiseParts(const BrokerContext& context, const Parts& parts,
                                            const ReferenceSet& references, int64_t now) {
  std::vector<AppraisalOutcome> outcomes;
  for (const EvidenceMessage& evidence : parts.evidence) {
    const bool primary = outcomes.empty();
    outcomes.push_back(context.appraiser.Appraise(
        {.evidence = evidence,
         .binding = primary ? parts.primary_binding : parts.device_binding,
         .initdata_digest = primary ? parts.initdata_digest : std::nullopt,
         .references = references,
         .now = now}));
  }
  return outcomes;
}

absl::StatusOr<std::string> IssueToken(const BrokerContext& context, const Call& call,
                                       const std::vector<Judgement>& judgements) {
  const int64_t now = call.origin.time;
  ASSIGN_OR_RETURN(const std::string claims,
                   BuildEar({.id = call.origin.id,
                             .issuer = context.tokens.issuer(),
                             .issued_at = now,
                             .expires_at = now + context.config.token_lifetime_s,
                             .judgements = judgements}));
  return context.tokens.SignText(claims);
}

absl::StatusOr<Answer> WithCookie(const BrokerContext& context, const Call& call,
                                  const Session& session, std::string body) {
  ASSIGN_OR_RETURN(std::string cookie, context.sessions.Seal(session));
  Answer answer = JsonAnswer(std::move(body));
  answer.response.headers.emplace_back(
      "Set-Cookie", SetCookieHeader(cookie, session.expires_at - call.origin.time));
  return answer;
}

absl::StatusOr<Answer> Appraise(BrokerContext& context, const Call& call, Session session,
                                const Attestation& attestation) {
  const auto parts = ReadParts(session, attestation, context.config.guest_keys);
  if (!parts.ok()) {
    return RefuseEarly(context, call, session.tee, "malformed-evidence",
                       "evidence refused: " + std::string(parts.status().message()));
  }
  ASSIGN_OR_RETURN(const auto references, context.references->All());
  std::vector<AppraisalOutcome> outcomes =
      AppraiseParts(context, *parts, references->documents, call.origin.time);
  if (!std::ranges::all_of(outcomes, &AppraisalOutcome::genuine)) {
    return RefuseEvidence(context, call, ExplainForgery(call.origin, outcomes));
  }
  ASSIGN_OR_RETURN(const auto policies, context.policies->Current());
  ReferenceQuestions questions(references, call.origin.time);
  const auto judgements = JudgeAll(std::move(outcomes), attestation, policies->Attestation(),
                                   [&](std::string_view id) { return questions.Ask(id); });
  if (!judgements.ok()) {
    return RefuseEarly(context, call, session.tee, "attestation-policy",
                       "attestation refused: " + std::string(judgements.status().message()));
  }
  const LogRow row = ExplainJudgements(call.origin, *judgements, context.config.require_affirming,
                                       questions.ExpiredOnes());
  if (row.refused) return RefuseEvidence(context, call, row);
  ASSIGN_OR_RETURN(session.token, IssueToken(context, call, *judgements));
  RETURN_IF_ERROR(context.store->AppendLog(row));
  ASSIGN_OR_RETURN(Answer answer,
                   WithCookie(context, call, session, SerializeTokenAnswer(session.token)));
  answer.summary = row.summary;
  return answer;
}

absl::StatusOr<Answer> Attest(BrokerContext& context, const Call& call, Session session,
                              const Attestation& attestation) {
  if (!ConstantTimeEqual(AsBytes(attestation.nonce), AsBytes(session.nonce))) {
    return RefuseEarly(context, call, session.tee, "nonce-mismatch",
                       "nonce refused: it is not the one of this session");
  }
  absl::Status spent = context.store->UseNonce(session.nonce, session.expires_at, call.origin.time);
  if (absl::IsAlreadyExists(spent)) {
    return RefuseEarly(context, call, session.tee, "nonce-replayed",
                       "nonce refused: it was used before in this session");
  }
  RETURN_IF_ERROR(spent);
  return Appraise(context, call, std::move(session), attestation);
}

}  // namespace

Answer HandleAuth(BrokerContext& context, const Call& call) {
  auto request = ParseRequest(call.request.body);
  if (!request.ok()) return Malformed(call, request.status());
  if (request->version != kProtocolVersion) {
    return Refuse({401, "ProtocolVersion", "protocol-version",
                   "this broker speaks protocol version " + std::string(kProtocolVersion), ""},
                  call.origin.id);
  }
  auto kind = ParseEvidenceKind(request->tee);
  if (kind.ok() && *kind == EvidenceKind::kSample && !context.config.allow_sample) {
    kind = absl::InvalidArgumentError("[attestation] allow_sample is not set");
  }
  if (!kind.ok()) {
    return Refuse(
        {401, "AttestationError", "tee-unsupported",
         "this broker does not verify evidence of that kind", std::string(kind.status().message())},
        call.origin.id);
  }
  Session session{.nonce = Base64Encode(crypto::RandomBytes(kNonceSize)),
                  .tee = request->tee,
                  .expires_at = call.origin.time + context.config.session_lifetime_s,
                  .token = {}};
  auto body = SerializeChallenge({.nonce = session.nonce, .extra_params = ""});
  if (!body.ok()) return RefuseFailure(body.status(), call.origin.id);
  auto answer = WithCookie(context, call, session, *std::move(body));
  return answer.ok() ? *std::move(answer) : RefuseFailure(answer.status(), call.origin.id);
}

Answer HandleAttest(BrokerContext& context, const Call& call) {
  auto session =
      context.sessions.Open(FindSessionCookie(call.request.Header("Cookie")), call.origin.time);
  if (!session.ok()) {
    return Refuse({401, "SessionNotFound", "no-session", "begin with /kbs/v0/auth",
                   std::string(session.status().message())},
                  call.origin.id);
  }
  if (context.tokens.Verify(session->token, call.origin.time).ok()) {
    return JsonAnswer(SerializeTokenAnswer(session->token));
  }
  auto attestation = ParseAttestation(call.request.body);
  if (!attestation.ok()) return Malformed(call, attestation.status());
  auto answer = Attest(context, call, *std::move(session), *attestation);
  return answer.ok() ? *std::move(answer) : RefuseFailure(answer.status(), call.origin.id);
}

}  // namespace nacre::attestation
