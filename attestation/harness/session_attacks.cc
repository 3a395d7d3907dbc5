// Nonces and sessions: whose they are, and how often they may be used.
#include "attestation/harness/case_steps.h"
#include "attestation/harness/families.h"
#include "base/strings.h"

namespace nacre::attestation::harness {
namespace {

std::string ValueOf(const GuestSession& session) {
  return session.cookie.substr(session.cookie.find('=') + 1);
}

GuestSession WithValue(const GuestSession& session, std::string_view value) {
  return {.nonce = session.nonce, .cookie = StrCat(kSessionCookie, "=", value)};
}

// A good Attestation, brought with another session than it was made in.
using Bring = std::function<absl::StatusOr<GuestSession>(Lab&, const GuestSession&)>;
Case Brought(std::string name, std::string what, Bring bring, Expected expected = NotAttested()) {
  auto steps = [bring = std::move(bring)](Lab& lab) -> absl::StatusOr<Reply> {
    ASSIGN_OR_RETURN(GuestSession session, lab.Begin());
    ASSIGN_OR_RETURN(Json attestation, lab.Honest(session));
    ASSIGN_OR_RETURN(GuestSession other, bring(lab, session));
    return lab.Attest(other, attestation);
  };
  return {.name = std::move(name),
          .what = std::move(what),
          .needs = {Need::kGuest},
          .steps = std::move(steps),
          .expected = std::move(expected)};
}

// One character of the cookie's value changed to another of its alphabet.
Bring Flipped(double where) {
  return [where](Lab&, const GuestSession& session) -> absl::StatusOr<GuestSession> {
    std::string value = ValueOf(session);
    size_t at = static_cast<size_t>(where * static_cast<double>(value.size() - 1));
    value[at] = value[at] == '0' ? '1' : '0';
    return WithValue(session, value);
  };
}

// The session's first Attestation is refused; a good one with the same nonce comes second.
absl::StatusOr<Reply> SecondTry(Lab& lab) {
  ASSIGN_OR_RETURN(GuestSession session, lab.Begin());
  ASSIGN_OR_RETURN(Json attestation, lab.Honest(session));
  ASSIGN_OR_RETURN(TeeKey other, MakeTeeKey("P-256"));
  Json swapped = attestation;
  swapped["runtime-data"]["tee-pubkey"] = other.jwk;
  if (Reply reply = lab.Attest(session, swapped); reply.status == 200) return reply;
  return lab.Attest(session, attestation);
}

// A good Attestation again, with the cookie as it was before it earned its token.
absl::StatusOr<Reply> Replay(Lab& lab) {
  ASSIGN_OR_RETURN(GuestSession session, lab.Begin());
  ASSIGN_OR_RETURN(Json attestation, lab.Honest(session));
  Reply first = lab.Attest(session, attestation);
  if (first.status != 200) return StepFailed("attest", first);
  ASSIGN_OR_RETURN(std::string token, ParseTokenAnswer(first.body));
  Reply again = lab.Attest(session, attestation);
  // A broker that keeps sessions may give the session's token once more: nothing is gained.
  if (again.status != 200) return again;
  auto same = ParseTokenAnswer(again.body);
  if (same.ok() && *same == token) return Reply{.status = 401};
  return again;
}

absl::StatusOr<Reply> ReplayInNewSession(Lab& lab) {
  ASSIGN_OR_RETURN(Attested attested, lab.Handshake());
  ASSIGN_OR_RETURN(GuestSession session, lab.Begin());
  return lab.Attest(session, attested.attestation);
}

// The same with the new nonce written in: the evidence is for the old one.
absl::StatusOr<Reply> OldEvidenceNewNonce(Lab& lab) {
  ASSIGN_OR_RETURN(Attested attested, lab.Handshake());
  ASSIGN_OR_RETURN(GuestSession session, lab.Begin());
  attested.attestation["runtime-data"]["nonce"] = session.nonce;
  return lab.Attest(session, attested.attestation);
}

Case NonceCase(std::string name, std::string what, std::function<std::string(std::string)> change) {
  return AttestCase(
      std::move(name), std::move(what),
      [change = std::move(change)](Json& json) {
        Json& nonce = json["runtime-data"]["nonce"];
        nonce = change(nonce.get<std::string>());
      },
      NotBelieved());
}

std::string LowerCase(std::string text) {
  for (char& c : text) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return text;
}

std::vector<Case> Cookies() {
  return {
      Brought("other-sessions-cookie", "good evidence with the cookie of another session",
              [](Lab& lab, const GuestSession&) { return lab.Begin(); }),
      Brought("cookie-missing", "good evidence without its cookie",
              [](Lab&, const GuestSession& session) -> absl::StatusOr<GuestSession> {
                return GuestSession{.nonce = session.nonce};
              }),
      Brought("cookie-empty", "good evidence with an empty cookie",
              [](Lab&, const GuestSession& session) -> absl::StatusOr<GuestSession> {
                return WithValue(session, "");
              }),
      Brought("cookie-made-up", "good evidence with a cookie that nobody gave",
              [](Lab&, const GuestSession& session) -> absl::StatusOr<GuestSession> {
                return WithValue(session, "00112233445566778899aabbccddeeff");
              }),
      Brought("cookie-of-zeros", "good evidence with a cookie as long as a real one, of zeros",
              [](Lab&, const GuestSession& session) -> absl::StatusOr<GuestSession> {
                return WithValue(session, std::string(ValueOf(session).size(), 'A'));
              }),
      Brought("cookie-first-character", "a cookie whose first character is changed", Flipped(0)),
      Brought("cookie-middle-character", "a cookie with a change in its middle", Flipped(0.5)),
      Brought("cookie-tag", "a cookie with a change near its end", Flipped(0.97)),
      Brought("cookie-cut", "a cookie without its last eight characters",
              [](Lab&, const GuestSession& session) -> absl::StatusOr<GuestSession> {
                std::string value = ValueOf(session);
                return WithValue(session, value.substr(0, value.size() - 8));
              }),
      Brought("cookie-prolonged", "a cookie with something behind it",
              [](Lab&, const GuestSession& session) -> absl::StatusOr<GuestSession> {
                return WithValue(session, ValueOf(session) + "AAAA");
              }),
      Brought("cookie-other-name", "the right value under another name",
              [](Lab&, const GuestSession& session) -> absl::StatusOr<GuestSession> {
                return GuestSession{.nonce = session.nonce,
                                    .cookie = StrCat("KBS-SESSION-ID=", ValueOf(session))};
              })};
}

std::vector<Case> Nonces() {
  return {NonceCase("nonce-empty", "evidence for an empty nonce",
                    [](std::string) { return std::string(); }),
          NonceCase("nonce-of-ones-own", "evidence for a nonce of the guest's choice",
                    [](std::string) {
                      return std::string("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
                    }),
          NonceCase("nonce-lower-case", "the nonce in lower case", LowerCase),
          NonceCase("nonce-space", "the nonce with a space behind it",
                    [](std::string nonce) { return nonce + " "; }),
          NonceCase("nonce-nul", "the nonce with a NUL and more behind it",
                    [](std::string nonce) { return nonce + std::string("\0x", 2); }),
          NonceCase("nonce-unpadded", "the nonce without its padding",
                    [](std::string nonce) { return nonce.substr(0, nonce.find('=')); }),
          NonceCase("nonce-cut", "the first half of the nonce",
                    [](std::string nonce) { return nonce.substr(0, nonce.size() / 2); })};
}

// What a session may not be used for.
absl::StatusOr<Reply> StolenToken(Lab& lab) {
  ASSIGN_OR_RETURN(Attested attested, lab.Handshake());
  ASSIGN_OR_RETURN(GuestSession mine, lab.Begin());
  // With my cookie and a stolen token the answer is still for the other's key.
  Reply reply = lab.Send("GET", StrCat("/kbs/v0/resource/", lab.resource()),
                         {{"Cookie", mine.cookie}, {"Authorization", "Bearer " + attested.token}});
  if (reply.status != 200) return Reply{.status = 401};
  ASSIGN_OR_RETURN(TeeKey key, MakeTeeKey("P-256"));
  if (OpenResource(reply.body, key).ok()) return reply;
  return OpenResource(reply.body, lab.key()).ok() ? Reply{.status = 401} : reply;
}

// A session for one kind of evidence, evidence of another.
absl::StatusOr<Reply> OtherTee(Lab& lab) {
  ASSIGN_OR_RETURN(GuestSession session, lab.Begin(lab.tee() == "tdx" ? "snp" : "tdx"));
  ASSIGN_OR_RETURN(Json attestation, lab.Honest(session));
  return lab.Attest(session, attestation);
}

}  // namespace

Family SessionAttacks() {
  std::vector<Case> cases = {
      {"nonce-replayed",
       "an Attestation sent a second time with the cookie it came with",
       {Need::kGuest},
       Replay,
       {.text = "401, or the very same token", .statuses = {401}}},
      {"nonce-second-try",
       "good evidence for a nonce that bad evidence has used up",
       {Need::kGuest},
       SecondTry,
       NotAttested()},
      {"old-attestation-new-session",
       "an old Attestation in a new session",
       {Need::kGuest},
       ReplayInNewSession,
       NotAttested()},
      {"old-evidence-new-nonce",
       "old evidence in an Attestation for the new nonce",
       {Need::kGuest},
       OldEvidenceNewNonce,
       NotAttested()},
      {"stolen-token",
       "somebody else's token",
       {Need::kGuest, Need::kRelease},
       StolenToken,
       {.text = "a refusal, or a JWE for the key in the token", .statuses = {401}}},
      {"other-tee",
       "evidence of one kind in a session for another",
       {Need::kGuest},
       OtherTee,
       NotBelieved()}};
  for (auto& more : {Cookies(), Nonces()}) cases.insert(cases.end(), more.begin(), more.end());
  return {.suite = "attack", .name = "session", .cases = std::move(cases)};
}

}  // namespace nacre::attestation::harness
