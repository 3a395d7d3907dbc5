// POST /kbs/v0/auth: Request and Challenge (protocol 0.4.0).
#include "attestation/harness/case_steps.h"
#include "attestation/harness/families.h"
#include "attestation/protocol/evidence_kind.h"
#include "base/encoding.h"
#include "base/strings.h"

namespace nacre::attestation::harness {
namespace {

constexpr size_t kNonceBytes = 32;

absl::StatusOr<Reply> Challenged(Lab& lab) { return lab.Auth(RequestText(lab)); }

std::string CheckChallenge(const Reply& reply) {
  auto body = BodyOf(reply);
  if (!body.ok()) return std::string(Message(body.status()));
  if (!body->contains("nonce") || !(*body)["nonce"].is_string()) return "no member 'nonce'";
  return Unless(body->contains("extra-params"), "no member 'extra-params'");
}

std::string CheckNonce(const Reply& reply) {
  if (std::string got = CheckChallenge(reply); !got.empty()) return got;
  auto nonce = Base64Decode(BodyOf(reply)->at("nonce").get<std::string>());
  if (!nonce.ok()) return "a nonce that is not padded base64";
  return Unless(nonce->size() == kNonceBytes, StrCat("a nonce of ", nonce->size(), " bytes"));
}

std::string CheckExtra(const Reply& reply) {
  if (std::string got = CheckChallenge(reply); !got.empty()) return got;
  const Json extra = BodyOf(reply)->at("extra-params");
  return Unless(extra == "", StrCat("extra-params ", TextOf(extra)));
}

// The value and the attributes of the session cookie.
std::string SetCookieOf(const Reply& reply) {
  for (const auto& [name, value] : reply.headers) {
    if (value.starts_with(StrCat(kSessionCookie, "="))) return value;
  }
  return "";
}

std::string CheckCookie(const Reply& reply) {
  std::string cookie = SetCookieOf(reply);
  if (cookie.empty()) return "no Set-Cookie of kbs-session-id";
  size_t value = cookie.find('=') + 1;
  return Unless(cookie.find(';') > value + 15, "a session cookie of fewer than 16 characters");
}

std::string CheckFlags(const Reply& reply) {
  std::string cookie = SetCookieOf(reply);
  for (const char* flag : {"; HttpOnly", "; Secure", "; SameSite="}) {
    if (cookie.find(flag) == std::string::npos) {
      return StrCat("a session cookie without", std::string_view(flag).substr(1));
    }
  }
  return "";
}

// Sixteen challenges, of which no two may share nonce or cookie.
absl::StatusOr<Reply> ManyChallenges(Lab& lab) {
  std::set<std::string> seen;
  Reply reply;
  for (int i = 0; i < 16; ++i) {
    reply = lab.Auth(RequestText(lab));
    if (reply.status != 200) return reply;
    ASSIGN_OR_RETURN(Json body, BodyOf(reply));
    ASSIGN_OR_RETURN(std::string nonce, JsonString(body, "nonce", "Challenge"));
    bool fresh = seen.insert(nonce).second && seen.insert(SetCookieOf(reply)).second;
    if (!fresh) return absl::FailedPreconditionError("a nonce or a cookie given twice");
  }
  return reply;
}

Case WithMethod(std::string method) {
  return {.name = StrCat("method-", method),
          .what = StrCat(method, " where POST belongs"),
          .steps = [method](Lab& lab) -> absl::StatusOr<Reply> {
            return lab.Send(method, "/kbs/v0/auth");
          },
          .expected = RefusedOrClosed({404, 405})};
}

std::vector<Case> Versions() {
  std::vector<Case> cases;
  for (auto [name, version] :
       std::initializer_list<std::pair<const char*, Json>>{{"version-older", "0.3.0"},
                                                           {"version-newer", "0.5.0"},
                                                           {"version-patch", "0.4.1"},
                                                           {"version-short", "0.4"},
                                                           {"version-range", ">=0.4.0"},
                                                           {"version-space", "0.4.0 "},
                                                           {"version-empty", ""},
                                                           {"version-number", 0.4},
                                                           {"version-null", nullptr}}) {
    cases.push_back(RequestCase(
        name, StrCat("a Request whose version is ", TextOf(version), ", not exactly 0.4.0"),
        [version = version](Json& request) { request["version"] = version; }, Malformed()));
  }
  return cases;
}

std::vector<Case> Tees() {
  std::vector<Case> cases;
  for (auto [name, tee] :
       std::initializer_list<std::pair<const char*, Json>>{{"tee-unknown", "pearl"},
                                                           {"tee-empty", ""},
                                                           {"tee-upper-case", "SNP"},
                                                           {"tee-removed", "sev"},
                                                           {"tee-array", Json::array({"snp"})},
                                                           {"tee-number", 2}}) {
    cases.push_back(RequestCase(
        name, StrCat("a Request for a TEE named ", TextOf(tee), ", which no protocol version has"),
        [tee = tee](Json& request) { request["tee"] = tee; }, Malformed()));
  }
  return cases;
}

}  // namespace

Family AuthFamily() {
  std::vector<Case> cases = {
      {"challenge",
       "a Request is answered with a Challenge",
       {},
       Challenged,
       Accepted("200 and a JSON object with nonce and extra-params", CheckChallenge)},
      {"nonce",
       "the nonce of a Challenge is 32 bytes in padded base64",
       {},
       Challenged,
       Accepted("44 characters of base64", CheckNonce)},
      {"extra-params-empty",
       "a Challenge for this TEE asks for nothing more",
       {},
       Challenged,
       Accepted("extra-params \"\"", CheckExtra)},
      {"cookie",
       "a Challenge comes with the session cookie",
       {},
       Challenged,
       Accepted("Set-Cookie: kbs-session-id=...", CheckCookie)},
      {"cookie-flags",
       "the session cookie is kept from scripts, plain http and other sites",
       {Need::kTls},
       Challenged,
       Accepted("HttpOnly, Secure and SameSite", CheckFlags)},
      {"never-twice",
       "sixteen Challenges in a row",
       {},
       ManyChallenges,
       Accepted("no nonce and no cookie twice")},
      RequestCase(
          "unknown-member", "a Request with a member of a later version",
          [](Json& request) { request["later"] = 1; }, Accepted("a Challenge", CheckChallenge)),
      RequestCase(
          "extra-params-string", "a Request whose extra-params is an empty string",
          [](Json& request) { request["extra-params"] = ""; },
          Accepted("a Challenge", CheckChallenge)),
      RequestCase(
          "extra-params-null", "a Request whose extra-params is null",
          [](Json& request) { request["extra-params"] = nullptr; },
          Accepted("a Challenge", CheckChallenge)),
      {"content-type",
       "a Request that says it is text",
       {},
       [](Lab& lab) -> absl::StatusOr<Reply> {
         return lab.Send("POST", "/kbs/v0/auth",
                         {{"Content-Type", "application/json; charset=utf-8"}}, RequestText(lab));
       },
       Accepted("a Challenge", CheckChallenge)},
      {"old-cookie",
       "a Request that still carries the cookie of another session",
       {},
       [](Lab& lab) -> absl::StatusOr<Reply> {
         ASSIGN_OR_RETURN(GuestSession old, lab.Begin());
         Reply reply = lab.Send("POST", "/kbs/v0/auth", {{"Cookie", old.cookie}}, RequestText(lab));
         if (SetCookieOf(reply).starts_with(old.cookie)) {
           return absl::FailedPreconditionError("the same session again");
         }
         return reply;
       },
       Accepted("a new session", CheckCookie)},
      WithMethod("GET"),
      WithMethod("PUT"),
      WithMethod("DELETE")};
  for (const char* member : {"version", "tee", "extra-params"}) {
    cases.push_back(RequestCase(
        StrCat("without-", member), StrCat("a Request without ", member),
        [member](Json& request) { request.erase(member); }, Malformed()));
  }
  for (auto& more : {Versions(), Tees()}) cases.insert(cases.end(), more.begin(), more.end());
  return {.suite = "protocol", .name = "auth", .cases = std::move(cases)};
}

}  // namespace nacre::attestation::harness
