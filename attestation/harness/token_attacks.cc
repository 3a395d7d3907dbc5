// Tokens that the broker did not give, or not like this (RFC 8725): brought for a resource.
#include <ctime>

#include "attestation/harness/case_steps.h"
#include "attestation/harness/families.h"
#include "attestation/harness/token_tools.h"
#include "base/encoding.h"
#include "base/strings.h"
#include "crypto/hmac.h"
#include "crypto/jwk.h"

namespace nacre::attestation::harness {
namespace {

// A good token, spoilt; then a resource is asked for with it.
using ChangeToken = std::function<absl::StatusOr<std::string>(Lab&, const std::string&)>;
Case Token(std::string name, std::string what, ChangeToken change, std::set<Need> needs = {}) {
  needs.insert({Need::kGuest, Need::kRelease});
  auto steps = [change = std::move(change)](Lab& lab) -> absl::StatusOr<Reply> {
    ASSIGN_OR_RETURN(Attested attested, lab.Handshake());
    ASSIGN_OR_RETURN(const std::string token, change(lab, attested.token));
    return lab.GetBearer(token, lab.resource());
  };
  return {.name = std::move(name),
          .what = std::move(what),
          .needs = std::move(needs),
          .steps = std::move(steps),
          .expected = NotBelieved()};
}

// Changed parts, the old signature.
Case Parts(std::string name, std::string what, std::function<void(TokenParts&)> change) {
  return Token(
      std::move(name), std::move(what),
      [change = std::move(change)](Lab&, const std::string& token) -> absl::StatusOr<std::string> {
        ASSIGN_OR_RETURN(TokenParts parts, TakeApart(token));
        change(parts);
        return PutTogether(parts);
      });
}

// Changed parts, signed by a key of the attacker's.
Case SelfSigned(std::string name, std::string what,
                std::function<absl::Status(Lab&, TokenParts&)> change) {
  return Token(std::move(name), std::move(what),
               [change = std::move(change)](
                   Lab& lab, const std::string& token) -> absl::StatusOr<std::string> {
                 ASSIGN_OR_RETURN(TokenParts parts, TakeApart(token));
                 RETURN_IF_ERROR(change(lab, parts));
                 return SignParts(std::move(parts), SigningKey(lab.key()));
               });
}

// HMAC with the broker's public key as the secret: a verifier that lets the token choose.
absl::StatusOr<std::string> Hmac(Lab& lab, const std::string& token, bool pem) {
  ASSIGN_OR_RETURN(TokenParts parts, TakeApart(token));
  const Json& jwk = lab.jwks()["keys"].at(0);
  std::string secret = TextOf(jwk);
  if (pem) {
    Json bare = {{"kty", jwk.value("kty", "")},
                 {"crv", jwk.value("crv", "")},
                 {"x", jwk.value("x", "")},
                 {"y", jwk.value("y", "")}};
    ASSIGN_OR_RETURN(const auto key, crypto::PublicKeyFromJwk(bare));
    ASSIGN_OR_RETURN(secret, key.ToPem());
  }
  parts.header["alg"] = "HS256";
  parts.signature.clear();
  std::string unsigned_text = PutTogether(parts);
  unsigned_text.pop_back();
  parts.signature =
      crypto::Hmac(crypto::HashAlgorithm::kSha256, AsBytes(secret), AsBytes(unsigned_text));
  return PutTogether(parts);
}

std::vector<Case> Algorithms() {
  std::vector<Case> cases = {
      Parts("alg-none", "a token whose algorithm is none, without a signature",
            [](TokenParts& parts) {
              parts.header["alg"] = "none";
              parts.signature.clear();
            }),
      Parts("alg-none-signed", "a token whose algorithm is none, with the old signature",
            [](TokenParts& parts) { parts.header["alg"] = "none"; }),
      Parts("alg-none-mixed-case", "a token whose algorithm is nOnE",
            [](TokenParts& parts) {
              parts.header["alg"] = "nOnE";
              parts.signature.clear();
            }),
      Parts("alg-missing", "a token that names no algorithm",
            [](TokenParts& parts) { parts.header.erase("alg"); }),
      Parts("alg-rs256", "an elliptic-curve token that says RS256",
            [](TokenParts& parts) { parts.header["alg"] = "RS256"; }),
      Parts("alg-es512", "an ES256 token that says ES512",
            [](TokenParts& parts) { parts.header["alg"] = "ES512"; }),
      Parts("critical-extension", "a token with a critical extension nobody knows",
            [](TokenParts& parts) { parts.header["crit"] = Json::array({"pearl"}); })};
  for (bool pem : {false, true}) {
    cases.push_back(
        Token(pem ? "hmac-with-public-pem" : "hmac-with-public-jwk",
              "a token under HMAC with the broker's public key as the secret",
              [pem](Lab& lab, const std::string& token) { return Hmac(lab, token, pem); },
              {Need::kJwks}));
  }
  return cases;
}

std::vector<Case> Claims() {
  return {Parts("claims-changed", "a token with another claim under the old signature",
                [](TokenParts& parts) { parts.claims["pearl"] = true; }),
          Parts("expiry-moved", "a token whose expiry was moved",
                [](TokenParts& parts) { parts.claims["exp"] = 4102444800; }),
          Parts("signature-empty", "a token without its signature",
                [](TokenParts& parts) { parts.signature.clear(); }),
          Parts("signature-zero", "a signature of zeros (CVE-2022-21449)",
                [](TokenParts& parts) { parts.signature.assign(parts.signature.size(), 0); }),
          Parts("signature-flipped", "a signature with one bit changed",
                [](TokenParts& parts) { parts.signature[3] ^= 1; }),
          Parts("signature-cut", "a signature without its last byte",
                [](TokenParts& parts) { parts.signature.pop_back(); }),
          Parts("signature-prolonged", "a signature with a byte behind it",
                [](TokenParts& parts) { parts.signature.push_back(0); })};
}

std::vector<Case> Keys() {
  return {SelfSigned("self-signed", "a token signed by the guest itself",
                     [](Lab&, TokenParts&) { return absl::OkStatus(); }),
          SelfSigned("header-jwk", "a self-signed token that brings its key in the header",
                     [](Lab& lab, TokenParts& parts) {
                       parts.header["jwk"] = lab.key().jwk;
                       parts.header["jwk"]["alg"] = "ES256";
                       parts.header.erase("kid");
                       return absl::OkStatus();
                     }),
          SelfSigned("header-jku", "a self-signed token that says where its keys are",
                     [](Lab&, TokenParts& parts) {
                       parts.header["jku"] = "https://127.0.0.1:1/jwks.json";
                       return absl::OkStatus();
                     }),
          SelfSigned("header-x5c", "a self-signed token that brings a certificate of its own",
                     [](Lab& lab, TokenParts& parts) -> absl::Status {
                       crypto::CertificateRequest request;
                       request.subject = {{"CN", "nacre-kbs"}};
                       request.not_before = std::time(nullptr) - 60;
                       request.not_after = request.not_before + 3600;
                       ASSIGN_OR_RETURN(
                           const auto made,
                           crypto::MakeCertificate(request, SigningKey(lab.key()).public_key(),
                                                   nullptr, SigningKey(lab.key()),
                                                   crypto::SignatureScheme::kEcdsaSha256));
                       parts.header["x5c"] = Json::array({Base64Encode(made.der())});
                       return absl::OkStatus();
                     }),
          SelfSigned("kid-path", "a self-signed token whose kid is a path",
                     [](Lab&, TokenParts& parts) {
                       parts.header["kid"] = "../../../../dev/null";
                       return absl::OkStatus();
                     }),
          SelfSigned("kid-sql", "a self-signed token whose kid is a piece of SQL",
                     [](Lab&, TokenParts& parts) {
                       parts.header["kid"] = "x' UNION SELECT '1";
                       return absl::OkStatus();
                     })};
}

std::vector<Case> Texts() {
  auto whole = [](std::string name, std::string what,
                  std::function<std::string(const std::string&)> change) {
    return Token(std::move(name), std::move(what),
                 [change = std::move(change)](Lab&, const std::string& token)
                     -> absl::StatusOr<std::string> { return change(token); });
  };
  return {whole("two-parts", "a token of two parts",
                [](const std::string& token) { return token.substr(0, token.rfind('.')); }),
          whole("four-parts", "a token of four parts",
                [](const std::string& token) { return token + ".AAAA"; }),
          whole("dots", "a token of dots", [](const std::string&) { return std::string(".."); }),
          whole("padded", "a token with base64 padding",
                [](const std::string& token) { return token + "=="; }),
          whole("standard-base64", "a token in base64 of the other alphabet",
                [](const std::string& token) {
                  std::string out = token;
                  out.back() = '+';
                  return out;
                }),
          whole("fifty-kilobytes", "a token of fifty kilobytes",
                [](const std::string& token) { return token + std::string(50'000, 'A'); })};
}

}  // namespace

Family TokenAttacks() {
  std::vector<Case> cases;
  for (auto& more : {Algorithms(), Claims(), Keys(), Texts()}) {
    cases.insert(cases.end(), more.begin(), more.end());
  }
  return {.suite = "attack", .name = "token", .cases = std::move(cases)};
}

}  // namespace nacre::attestation::harness
