// POST /kbs/v0/attest: the Attestation, field by field, and its answer.
#include "attestation/harness/case_steps.h"
#include "attestation/harness/families.h"
#include "base/strings.h"

namespace nacre::attestation::harness {
namespace {

std::string CheckToken(const Reply& reply) {
  auto token = ParseTokenAnswer(reply.body);
  if (!token.ok()) return std::string(Message(token.status()));
  return Unless(StrSplit(*token, '.').size() == 3, "a token that is no compact JWS");
}

absl::StatusOr<Reply> AttestOnce(Lab& lab) {
  ASSIGN_OR_RETURN(GuestSession session, lab.Begin());
  ASSIGN_OR_RETURN(Json attestation, lab.Honest(session));
  return lab.Attest(session, attestation);
}

// A session that has its token gets that one again.
absl::StatusOr<Reply> AttestAgain(Lab& lab) {
  ASSIGN_OR_RETURN(Attested attested, lab.Handshake());
  Reply reply = lab.Attest(attested.session, attested.attestation);
  if (reply.status != 200) return reply;
  ASSIGN_OR_RETURN(std::string again, ParseTokenAnswer(reply.body));
  if (again != attested.token) return absl::FailedPreconditionError("another token");
  return reply;
}

std::string CheckCookieAgain(const Reply& reply) {
  for (const auto& [name, value] : reply.headers) {
    if (value.starts_with(StrCat(kSessionCookie, "="))) return "";
  }
  return "no Set-Cookie of kbs-session-id";
}

// A member of the Attestation, by its path.
struct Member {
  const char* name;
  std::vector<const char*> path;
};
const Member kMembers[] = {{"runtime-data", {"runtime-data"}},
                           {"nonce", {"runtime-data", "nonce"}},
                           {"tee-pubkey", {"runtime-data", "tee-pubkey"}},
                           {"tee-evidence", {"tee-evidence"}},
                           {"primary-evidence", {"tee-evidence", "primary_evidence"}},
                           {"additional-evidence", {"tee-evidence", "additional_evidence"}}};

Json& ParentOf(Json& attestation, const Member& member) {
  return member.path.size() == 1 ? attestation : attestation[member.path[0]];
}

std::vector<Case> FieldByField() {
  std::vector<Case> cases;
  for (const Member& member : kMembers) {
    cases.push_back(AttestCase(
        StrCat("without-", member.name), StrCat("an Attestation without ", member.name),
        [member](Json& json) { ParentOf(json, member).erase(member.path.back()); }, Malformed()));
    for (auto [type, value] : std::initializer_list<std::pair<const char*, Json>>{
             {"null", nullptr}, {"number", 7}, {"array", Json::array({1})}}) {
      cases.push_back(AttestCase(
          StrCat(member.name, "-", type),
          StrCat("an Attestation whose ", member.name, " is of JSON type ", type),
          [member, value = value](Json& json) {
            ParentOf(json, member)[member.path.back()] = value;
          },
          Malformed()));
    }
  }
  return cases;
}

std::vector<Case> InitDataForms() {
  return {AttestCase(
              "init-data-absent", "an Attestation without the member init-data, no initdata bound",
              [](Json& json) {
                if (json["init-data"].is_null()) json.erase("init-data");
              },
              Accepted("a token", CheckToken)),
          AttestCase(
              "init-data-string", "init-data as a string",
              [](Json& json) { json["init-data"] = "version = \"0.1.0\""; }, Malformed()),
          AttestCase(
              "init-data-no-body", "init-data without a body",
              [](Json& json) {
                json["init-data"] = {{"format", "toml"}};
              },
              Malformed()),
          AttestCase(
              "init-data-no-format", "init-data without a format",
              [](Json& json) {
                json["init-data"] = {{"body", "version = \"0.1.0\""}};
              },
              Malformed()),
          AttestCase(
              "init-data-format", "init-data in a format that nobody has",
              [](Json& json) {
                json["init-data"] = {{"format", "yaml"}, {"body", "version: 0.1.0"}};
              },
              Malformed()),
          AttestCase(
              "init-data-not-toml", "init-data whose body is not what its format says",
              [](Json& json) {
                json["init-data"] = {{"format", "toml"}, {"body", "= = ="}};
              },
              NotBelieved())};
}

}  // namespace

Family AttestFamily() {
  std::vector<Case> cases = {
      {"token",
       "good evidence earns a token",
       {Need::kGuest},
       AttestOnce,
       Accepted("200 and {\"token\": a JWT}", CheckToken)},
      {"cookie-again",
       "the answer to good evidence sets the session cookie again",
       {Need::kGuest},
       AttestOnce,
       Accepted("Set-Cookie: kbs-session-id=...", CheckCookieAgain)},
      {"same-token",
       "a second Attestation in a session that has its token",
       {Need::kGuest},
       AttestAgain,
       Accepted("the same token", CheckToken)},
      AttestCase(
          "unknown-member", "an Attestation with members of a later version",
          [](Json& json) {
            json["later"] = 1;
            json["runtime-data"]["later"] = Json::object();
            json["tee-evidence"]["later"] = "x";
          },
          Accepted("a token", CheckToken)),
      {"white-space",
       "an Attestation with white space between its members",
       {Need::kGuest},
       [](Lab& lab) -> absl::StatusOr<Reply> {
         ASSIGN_OR_RETURN(GuestSession session, lab.Begin());
         ASSIGN_OR_RETURN(Json attestation, lab.Honest(session));
         return lab.AttestText(session, attestation.dump(3));
       },
       Accepted("a token", CheckToken)},
      {"no-session",
       "an Attestation without a cookie",
       {},
       [](Lab& lab) -> absl::StatusOr<Reply> {
         ASSIGN_OR_RETURN(Json json, lab.With({.nonce = "AAAA"}, Json::object()));
         return lab.Attest({}, json);
       },
       NotAttested()},
      {"method-get",
       "GET where POST belongs",
       {},
       [](Lab& lab) -> absl::StatusOr<Reply> { return lab.Send("GET", "/kbs/v0/attest"); },
       RefusedOrClosed({404, 405})},
      {"composite-empty-object",
       "additional_evidence that is the text of an empty object",
       {Need::kGuest},
       [](Lab& lab) -> absl::StatusOr<Reply> {
         // Not bound: whatever it holds is under the report data.
         ASSIGN_OR_RETURN(GuestSession session, lab.Begin());
         ASSIGN_OR_RETURN(Json attestation, lab.Honest(session));
         attestation["tee-evidence"]["additional_evidence"] = "{}";
         return lab.Attest(session, attestation);
       },
       NotAttested()}};
  for (auto& more : {FieldByField(), InitDataForms()}) {
    cases.insert(cases.end(), more.begin(), more.end());
  }
  return {.suite = "protocol", .name = "attest", .cases = std::move(cases)};
}

}  // namespace nacre::attestation::harness
