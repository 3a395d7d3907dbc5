// What a token says: an EAR (EAT attestation result) of the guest that earned it.
#include <ctime>

#include "attestation/harness/case_steps.h"
#include "attestation/harness/families.h"
#include "attestation/harness/token_tools.h"
#include "base/strings.h"

namespace nacre::attestation::harness {
namespace {

constexpr int64_t kClockLeewayS = 120;

// A handshake, then a look at what it earned. The reply is made up: {"got": what is wrong}.
using Look = std::function<std::string(Lab&, const TokenParts&, const std::string& token)>;
Case TokenCase(std::string name, std::string what, std::string expected, Look look,
               std::set<Need> needs = {}) {
  needs.insert(Need::kGuest);
  auto steps = [look = std::move(look)](Lab& lab) -> absl::StatusOr<Reply> {
    ASSIGN_OR_RETURN(Attested attested, lab.Handshake());
    ASSIGN_OR_RETURN(TokenParts parts, TakeApart(attested.token));
    return Reply{.status = 200, .body = look(lab, parts, attested.token)};
  };
  return {.name = std::move(name),
          .what = std::move(what),
          .needs = std::move(needs),
          .steps = std::move(steps),
          .expected = Accepted(std::move(expected), [](const Reply& reply) { return reply.body; })};
}

int64_t Number(const Json& claims, const char* name) {
  return claims.contains(name) && claims[name].is_number_integer() ? claims[name].get<int64_t>()
                                                                   : 0;
}

std::string Times(Lab&, const TokenParts& parts, const std::string&) {
  const int64_t now = std::time(nullptr);
  const int64_t expires = Number(parts.claims, "exp");
  const int64_t issued = Number(parts.claims, "iat");
  if (expires <= now) return "no exp, or one that is over";
  if (expires > now + 24 * 3600) return StrCat("a token good for ", expires - now, " s");
  bool present = issued > now - kClockLeewayS && issued < now + kClockLeewayS;
  return Unless(present, "an iat that is not now");
}

std::string Algorithm(Lab&, const TokenParts& parts, const std::string&) {
  const Json alg = parts.header.value("alg", Json());
  return Unless(alg == "ES256" || alg == "ES384", StrCat("alg ", TextOf(alg)));
}

std::string Issuer(Lab&, const TokenParts& parts, const std::string&) {
  bool named = parts.claims.contains("iss") && parts.claims["iss"].is_string();
  return Unless(named, "no iss");
}

std::string Profile(Lab&, const TokenParts& parts, const std::string&) {
  for (const char* claim : {"eat_profile", "ear.verifier-id", "submods"}) {
    if (!parts.claims.contains(claim)) return StrCat("no ", claim);
  }
  return Unless(parts.claims["submods"].is_object() && parts.claims["submods"].contains("cpu0"),
                "no submodule cpu0");
}

Json Cpu0(const TokenParts& parts) {
  Json submodules = parts.claims.value("submods", Json::object());
  return submodules.is_object() ? submodules.value("cpu0", Json::object()) : Json::object();
}

std::string Status(Lab&, const TokenParts& parts, const std::string&) {
  const Json status = Cpu0(parts).value("ear.status", Json());
  for (const char* name : {"none", "affirming", "warning", "contraindicated"}) {
    if (status == name) return "";
  }
  return StrCat("ear.status ", TextOf(status));
}

int Tier(int64_t claim) {
  if (claim == 0) return 0;
  if (claim >= 2 && claim <= 31) return 1;
  return claim >= 32 && claim <= 95 ? 2 : 3;
}

// AR4SI: the status of a submodule is the worst of its vector.
std::string WorstOfVector(Lab&, const TokenParts& parts, const std::string&) {
  const Json cpu = Cpu0(parts);
  const Json vector = cpu.value("ear.trustworthiness-vector", Json());
  if (!vector.is_object() || vector.empty()) return "no ear.trustworthiness-vector";
  int worst = 0;
  for (const auto& [name, claim] : vector.items()) {
    if (!claim.is_number_integer()) return StrCat("a claim ", name, " that is no integer");
    worst = std::max(worst, Tier(claim.get<int64_t>()));
  }
  static constexpr const char* kNames[] = {"none", "affirming", "warning", "contraindicated"};
  const Json status = cpu.value("ear.status", Json());
  return Unless(status == kNames[worst],
                StrCat("status ", TextOf(status), " for a vector that is ", kNames[worst]));
}

std::string KeyInside(Lab& lab, const TokenParts& parts, const std::string&) {
  const std::string text = TextOf(parts.claims);
  return Unless(text.find(lab.key().jwk["x"].get<std::string>()) != std::string::npos,
                "a token without the guest's key");
}

std::string EvidenceKindInside(Lab& lab, const TokenParts& parts, const std::string&) {
  const Json evidence = Cpu0(parts).value("ear.veraison.annotated-evidence", Json());
  return Unless(evidence.is_object() && evidence.contains(lab.tee()),
                StrCat("no claims of ", lab.tee()));
}

std::string Verifies(Lab& lab, const TokenParts&, const std::string& token) {
  auto claims = VerifyWithJwks(token, lab.jwks());
  return claims.ok() ? "" : std::string(Message(claims.status()));
}

std::string NoSecretInside(Lab& lab, const TokenParts& parts, const std::string&) {
  bool inside =
      !lab.secret().empty() && TextOf(parts.claims).find(lab.secret()) != std::string::npos;
  return Unless(!inside, "a secret in the token");
}

}  // namespace

Family TokenFamily() {
  return {
      .suite = "protocol",
      .name = "token",
      .cases = {TokenCase("algorithm", "a token's signature", "alg ES256 or ES384", Algorithm),
                TokenCase("times", "a token's times", "iat now, exp within a day", Times),
                TokenCase("issuer", "a token names who made it", "a member iss", Issuer),
                TokenCase("profile", "a token is an EAR",
                          "eat_profile, ear.verifier-id and a submodule cpu0", Profile),
                TokenCase("status", "the status of the guest", "ear.status of the four AR4SI has",
                          Status),
                TokenCase("worst-of-vector", "the status agrees with the trustworthiness vector",
                          "the worst of its claims", WorstOfVector),
                TokenCase("tee-pubkey", "a token is for the guest's key", "its JWK in the claims",
                          KeyInside),
                TokenCase("claims", "a token has the claims of the evidence",
                          "annotated evidence under the TEE's name", EvidenceKindInside),
                TokenCase("verifies", "a token verifies with the broker's published keys",
                          "a signature of the key it names", Verifies, {Need::kJwks}),
                TokenCase("no-secret", "a token holds no secret", "none", NoSecretInside,
                          {Need::kRelease})}};
}

}  // namespace nacre::attestation::harness
