// The guest's key: which kinds a broker must encrypt to, and which it must not touch.
#include "attestation/harness/case_steps.h"
#include "attestation/harness/families.h"
#include "attestation/protocol/binding.h"
#include "base/encoding.h"
#include "base/strings.h"

namespace nacre::attestation::harness {
namespace {

absl::StatusOr<Reply> GetAndOpen(Lab& lab, const GuestSession& session, const TeeKey& key) {
  Reply reply = lab.Get(session, lab.resource());
  if (reply.status != 200) return reply;
  RETURN_IF_ERROR(OpenResource(reply.body, key).status(), "decrypting");
  return reply;
}

// Attests with a key of this kind, and opens the resource with it.
Case GoodKey(std::string kind) {
  auto steps = [kind](Lab& lab) -> absl::StatusOr<Reply> {
    ASSIGN_OR_RETURN(TeeKey key, MakeTeeKey(kind));
    ASSIGN_OR_RETURN(Attested attested, lab.Handshake(key));
    return GetAndOpen(lab, attested.session, key);
  };
  return {.name = kind,
          .what = StrCat("a guest whose key is ", kind, " gets a resource"),
          .needs = {Need::kGuest, Need::kRelease},
          .steps = std::move(steps),
          .expected = Accepted("200 and a JWE for that key")};
}

// An algorithm that a broker need not know: it says no to the key, or encrypts to it.
Case OptionalKey(std::string kind) {
  auto steps = [kind](Lab& lab) -> absl::StatusOr<Reply> {
    ASSIGN_OR_RETURN(TeeKey key, MakeTeeKey(kind));
    ASSIGN_OR_RETURN(GuestSession session, lab.Begin());
    ASSIGN_OR_RETURN(Json attestation, lab.Honest(session, key));
    Reply attested = lab.Attest(session, attestation);
    if (attested.status == 400 || attested.status == 401) return Reply{.status = 200};
    if (attested.status != 200) return attested;
    ASSIGN_OR_RETURN(Attested again, lab.Handshake(key));
    return GetAndOpen(lab, again.session, key);
  };
  return {.name = kind,
          .what = StrCat("a guest whose key is ", kind, " is refused or gets a resource"),
          .needs = {Need::kGuest, Need::kRelease},
          .steps = std::move(steps),
          .expected = Accepted("400 or 401 to the key, or a JWE for it")};
}

// Evidence that is bound to a key which is no good, so that only the key is wrong.
Case BadKey(std::string name, std::string what, std::function<void(Json&)> change) {
  auto steps = [change = std::move(change)](Lab& lab) -> absl::StatusOr<Reply> {
    ASSIGN_OR_RETURN(GuestSession session, lab.Begin());
    Json jwk = lab.key().jwk;
    change(jwk);
    // What has no canonical form cannot be bound; the honest binding then stands for it.
    auto report_data = BindReportData(session.nonce, jwk, "");
    ASSIGN_OR_RETURN(Json attestation, lab.Honest(session));
    if (report_data.ok()) {
      ASSIGN_OR_RETURN(attestation["tee-evidence"]["primary_evidence"],
                       lab.guest().Evidence(*report_data));
    }
    attestation["runtime-data"]["tee-pubkey"] = jwk;
    return lab.Attest(session, attestation);
  };
  return {.name = std::move(name),
          .what = std::move(what),
          .needs = {Need::kGuest},
          .steps = std::move(steps),
          .expected = NotBelieved()};
}

std::string Base64UrlOf(size_t size, uint8_t fill) { return Base64UrlEncode(Bytes(size, fill)); }

Json RsaJwk(size_t modulus_size, std::string exponent) {
  Bytes modulus(modulus_size, 0xc3);
  return {{"kty", "RSA"},
          {"alg", "RSA-OAEP-256"},
          {"n", Base64UrlEncode(modulus)},
          {"e", std::move(exponent)}};
}

std::vector<Case> BadPoints() {
  return {BadKey("point-off-curve", "a point that is not on the curve",
                 [](Json& jwk) { jwk["x"] = Base64UrlOf(32, 5); }),
          BadKey("point-zero", "the point (0, 0)",
                 [](Json& jwk) { jwk["x"] = jwk["y"] = Base64UrlOf(32, 0); }),
          BadKey("point-past-the-field", "a coordinate that is larger than the field",
                 [](Json& jwk) { jwk["x"] = Base64UrlOf(32, 0xff); }),
          BadKey("coordinate-short", "a coordinate of 31 bytes",
                 [](Json& jwk) { jwk["x"] = Base64UrlOf(31, 1); }),
          BadKey("coordinate-long", "a coordinate with a leading zero byte",
                 [](Json& jwk) {
                   auto x = Base64UrlDecode(jwk["x"].get<std::string>());
                   x->insert(x->begin(), 0);
                   jwk["x"] = Base64UrlEncode(*x);
                 }),
          BadKey("coordinate-padded", "base64 with padding",
                 [](Json& jwk) { jwk["x"] = jwk["x"].get<std::string>() + "="; }),
          BadKey("curve-swapped", "a P-256 point that is said to be of P-384",
                 [](Json& jwk) { jwk["crv"] = "P-384"; }),
          BadKey("curve-unknown", "a curve of signatures only",
                 [](Json& jwk) { jwk["crv"] = "Ed25519"; }),
          BadKey("without-y", "a point with one coordinate", [](Json& jwk) { jwk.erase("y"); })};
}

Json MlKemJwk(size_t size, uint8_t fill) {
  return {{"kty", "AKP"}, {"alg", "ML-KEM-768+A192KW"}, {"pub", Base64UrlOf(size, fill)}};
}

std::vector<Case> BadForms() {
  return {
      BadKey("without-alg", "a key without alg", [](Json& jwk) { jwk.erase("alg"); }),
      BadKey("without-kty", "a key without kty", [](Json& jwk) { jwk.erase("kty"); }),
      BadKey("empty", "a key without members", [](Json& jwk) { jwk = Json::object(); }),
      BadKey("private-part", "a key with its private part",
             [](Json& jwk) { jwk["d"] = Base64UrlOf(32, 7); }),
      BadKey("symmetric", "a symmetric key",
             [](Json& jwk) {
               jwk = {{"kty", "oct"}, {"alg", "A256GCMKW"}, {"k", Base64UrlOf(32, 7)}};
             }),
      BadKey("alg-none", "a key for the algorithm none", [](Json& jwk) { jwk["alg"] = "none"; }),
      BadKey("alg-of-rsa", "an EC key for RSA-OAEP-256",
             [](Json& jwk) { jwk["alg"] = "RSA-OAEP-256"; }),
      BadKey("rsa-1024", "an RSA key of 1024 bits", [](Json& jwk) { jwk = RsaJwk(128, "AQAB"); }),
      BadKey("rsa-16384", "an RSA key of 16384 bits",
             [](Json& jwk) { jwk = RsaJwk(2048, "AQAB"); }),
      BadKey("rsa-exponent-1", "an RSA key whose exponent is 1",
             [](Json& jwk) { jwk = RsaJwk(256, "AQ"); }),
      BadKey("rsa-exponent-even", "an RSA key whose exponent is 2",
             [](Json& jwk) { jwk = RsaJwk(256, "Ag"); }),
      BadKey("ml-kem-short", "an ML-KEM-768 key of 1183 bytes",
             [](Json& jwk) { jwk = MlKemJwk(1183, 0); }),
      BadKey("ml-kem-unreduced", "an ML-KEM-768 key whose coefficients are above the modulus",
             [](Json& jwk) { jwk = MlKemJwk(1184, 0xff); })};
}

}  // namespace

Family KeyFamily() {
  std::vector<Case> cases;
  for (const char* kind : {"P-256", "P-384", "P-521", "RSA-2048", "RSA-3072"}) {
    cases.push_back(GoodKey(kind));
  }
  cases.push_back(OptionalKey("ML-KEM-768"));
  for (auto& more : {BadPoints(), BadForms()}) cases.insert(cases.end(), more.begin(), more.end());
  return {.suite = "protocol", .name = "key", .cases = std::move(cases)};
}

}  // namespace nacre::attestation::harness
