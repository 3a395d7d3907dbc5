// Two rules order the steps of an attestation. Nothing is said of evidence before its nonce is
// spent and the verdict written down, both in one transaction, so that a nonce gets one answer,
// whatever its fate and however many ask at once. And nothing of why evidence was refused goes back
// over the wire except the name of the check: the guest's host reads what the guest gets, and must
// not be able to feel its way to a measurement that passes.
#include "attestation/broker/handshake.h"

#include <algorithm>
#include <memory>

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

// What an attestation comes to: a row of the log, and the answer once that is written.
struct Verdict {
  LogRow row;
  Answer answer;
};

Verdict RefuseEvidence(const Call& call, LogRow row) {
  Answer answer =
      Refuse({401, "AttestationError", row.code, "attestation refused: " + row.code, row.summary},
             call.origin.id);
  return {std::move(row), std::move(answer)};
}

Verdict RefuseEarly(const Call& call, std::string_view tee, std::string_view code,
                    std::string_view summary) {
  return RefuseEvidence(call, ExplainRefusal(call.origin, tee, code, summary));
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

absl::StatusOr<Verdict> Appraise(const BrokerContext& context, const Call& call, Session session,
                                 const Attestation& attestation) {
  const auto parts = ReadParts(session, attestation, context.config.guest_keys);
  if (!parts.ok()) {
    return RefuseEarly(call, session.tee, "malformed-evidence",
                       "evidence refused: " + std::string(parts.status().message()));
  }
  ASSIGN_OR_RETURN(const auto references, context.references->All());
  std::vector<AppraisalOutcome> outcomes =
      AppraiseParts(context, *parts, references->documents, call.origin.time);
  if (!std::ranges::all_of(outcomes, &AppraisalOutcome::genuine)) {
    return RefuseEvidence(call, ExplainForgery(call.origin, outcomes));
  }
  ASSIGN_OR_RETURN(const auto policies, context.policies->Current());
  ReferenceQuestions questions(references, call.origin.time);
  const auto judgements = JudgeAll(std::move(outcomes), attestation, policies->Attestation(),
                                   [&](std::string_view id) { return questions.Ask(id); });
  if (!judgements.ok()) {
    return RefuseEarly(call, session.tee, "attestation-policy",
                       "attestation refused: " + std::string(judgements.status().message()));
  }
  LogRow row = ExplainJudgements(call.origin, *judgements, context.config.require_affirming,
                                 questions.ExpiredOnes());
  if (row.refused) return RefuseEvidence(call, std::move(row));
  ASSIGN_OR_RETURN(session.token, IssueToken(context, call, *judgements));
  ASSIGN_OR_RETURN(Answer answer,
                   WithCookie(context, call, session, SerializeTokenAnswer(session.token)));
  answer.summary = row.summary;
  return Verdict{std::move(row), std::move(answer)};
}

// Says nothing before it is written. A nonce that turns out to be spent takes the verdict's place.
void Conclude(BrokerContext& context, const Call& call, std::optional<UsedNonce> nonce,
              std::string_view tee, Verdict verdict, std::function<void(Answer)> finish) {
  auto answer = std::make_shared<Answer>(std::move(verdict.answer));
  context.store->Record(std::move(nonce), std::move(verdict.row), call.origin.time,
                        [&context, call, tee = std::string(tee), answer,
                         finish = std::move(finish)](const absl::Status& written) {
                          if (written.ok()) return finish(std::move(*answer));
                          if (!absl::IsAlreadyExists(written))
                            return finish(RefuseFailure(written, call.origin.id));
                          Conclude(context, call, std::nullopt, tee,
                                   RefuseEarly(call, tee, "nonce-replayed",
                                               "nonce refused: it was used before in this session"),
                                   finish);
                        });
}

void Attest(BrokerContext& context, const Call& call, Session session,
            const Attestation& attestation, std::function<void(Answer)> finish) {
  const std::string tee = session.tee;
  if (!ConstantTimeEqual(AsBytes(attestation.nonce), AsBytes(session.nonce))) {
    return Conclude(context, call, std::nullopt, tee,
                    RefuseEarly(call, tee, "nonce-mismatch",
                                "nonce refused: it is not the one of this session"),
                    std::move(finish));
  }
  UsedNonce nonce{session.nonce, session.expires_at};
  auto verdict = Appraise(context, call, std::move(session), attestation);
  if (!verdict.ok()) return finish(RefuseFailure(verdict.status(), call.origin.id));
  Conclude(context, call, std::move(nonce), tee, *std::move(verdict), std::move(finish));
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

void HandleAttest(BrokerContext& context, const Call& call, std::function<void(Answer)> finish) {
  const auto coming = context.store->Coming();
  auto session =
      context.sessions.Open(FindSessionCookie(call.request.Header("Cookie")), call.origin.time);
  if (!session.ok()) {
    return finish(Refuse({401, "SessionNotFound", "no-session", "begin with /kbs/v0/auth",
                          std::string(session.status().message())},
                         call.origin.id));
  }
  if (context.tokens.Verify(session->token, call.origin.time).ok()) {
    return finish(JsonAnswer(SerializeTokenAnswer(session->token)));
  }
  auto attestation = ParseAttestation(call.request.body);
  if (!attestation.ok()) return finish(Malformed(call, attestation.status()));
  Attest(context, call, *std::move(session), *attestation, std::move(finish));
}

}  // namespace nacre::attestation
