// GET /kbs/v0/resource/<repository>/<type>/<tag>: the JWE, byte for byte, and who is given it.
#include "attestation/harness/case_steps.h"
#include "attestation/harness/families.h"
#include "base/encoding.h"
#include "base/strings.h"

namespace nacre::attestation::harness {
namespace {

absl::StatusOr<Reply> FetchWith(Lab& lab, const TeeKey& key) {
  ASSIGN_OR_RETURN(Attested attested, lab.Handshake(key));
  return lab.Get(attested.session, lab.resource());
}

absl::StatusOr<Reply> Fetch(Lab& lab) { return FetchWith(lab, lab.key()); }

Case ResourceCase(std::string name, std::string what, std::string expected,
                  std::function<std::string(const Reply&)> check) {
  return {.name = std::move(name),
          .what = std::move(what),
          .needs = {Need::kGuest, Need::kRelease},
          .steps = Fetch,
          .expected = Accepted(std::move(expected), std::move(check))};
}

// A base64url member of the JWE of exactly `size` bytes.
std::string CheckSize(const Reply& reply, const char* member, size_t size) {
  auto body = BodyOf(reply);
  if (!body.ok()) return std::string(Message(body.status()));
  auto text = JsonString(*body, member, "JWE");
  if (!text.ok()) return std::string(Message(text.status()));
  auto bytes = Base64UrlDecode(*text);
  if (!bytes.ok()) return StrCat(member, " is not base64url");
  return Unless(bytes->size() == size, StrCat(member, " of ", bytes->size(), " bytes"));
}

absl::StatusOr<std::string> ProtectedText(const Reply& reply) {
  ASSIGN_OR_RETURN(Json body, BodyOf(reply));
  ASSIGN_OR_RETURN(std::string text, JsonString(body, "protected", "JWE"));
  ASSIGN_OR_RETURN(Bytes bytes, Base64UrlDecode(text), "protected");
  return std::string(AsText(bytes));
}

// Peers' clients write the header again to authenticate it, so its bytes are fixed: compact, alg
// and enc first, the others by name, and the same inside epk.
std::string CheckHeaderBytes(const Reply& reply) {
  auto text = ProtectedText(reply);
  if (!text.ok()) return std::string(Message(text.status()));
  auto header = ParseJson(*text);
  if (!header.ok()) return "a protected header that is no JSON";
  auto quoted = [&header](const char* name) { return TextOf(header->value(name, Json())); };
  std::string wanted = StrCat("{\"alg\":", quoted("alg"), ",\"enc\":", quoted("enc"));
  for (const auto& [name, value] : header->items()) {
    if (name != "alg" && name != "enc") StrAppend(&wanted, ",\"", name, "\":", TextOf(value));
  }
  StrAppend(&wanted, "}");
  return Unless(*text == wanted, StrCat("the header ", *text));
}

std::string CheckAlgorithms(const Reply& reply) {
  auto text = ProtectedText(reply);
  if (!text.ok()) return std::string(Message(text.status()));
  bool right = text->starts_with("{\"alg\":\"ECDH-ES+A256KW\",\"enc\":\"A256GCM\"");
  return Unless(right, StrCat("the header ", *text));
}

std::string CheckMembers(const Reply& reply) {
  auto body = BodyOf(reply);
  if (!body.ok()) return std::string(Message(body.status()));
  for (const char* member : {"protected", "encrypted_key", "iv", "ciphertext", "tag"}) {
    if (!body->contains(member)) return StrCat("no member ", member);
  }
  return Unless(!body->contains("aad") && !body->contains("recipients"), "aad or recipients");
}

// Two answers may share neither IV nor wrapped key nor ephemeral key.
absl::StatusOr<Reply> FetchTwice(Lab& lab) {
  ASSIGN_OR_RETURN(Attested attested, lab.Handshake());
  Reply one = lab.Get(attested.session, lab.resource());
  Reply two = lab.Get(attested.session, lab.resource());
  if (one.status != 200) return one;
  if (two.status != 200) return two;
  ASSIGN_OR_RETURN(Json first, BodyOf(one));
  ASSIGN_OR_RETURN(Json second, BodyOf(two));
  for (const char* member : {"protected", "encrypted_key", "iv", "ciphertext", "tag"}) {
    if (first.value(member, Json()) == second.value(member, Json())) {
      return absl::FailedPreconditionError(StrCat("the same ", member, " twice"));
    }
  }
  return two;
}

absl::StatusOr<Reply> FetchForRsa(Lab& lab) {
  ASSIGN_OR_RETURN(TeeKey key, MakeTeeKey("RSA-2048"));
  return FetchWith(lab, key);
}

std::string CheckRsaHeader(const Reply& reply) {
  auto text = ProtectedText(reply);
  if (!text.ok()) return std::string(Message(text.status()));
  return Unless(*text == R"({"alg":"RSA-OAEP-256","enc":"A256GCM"})", StrCat("the header ", *text));
}

std::vector<Case> Forms() {
  return {ResourceCase("jwe-members", "a resource comes as a flattened JWE",
                       "protected, encrypted_key, iv, ciphertext, tag", CheckMembers),
          ResourceCase("jwe-algorithms", "the algorithms for a P-256 key",
                       "ECDH-ES+A256KW and A256GCM", CheckAlgorithms),
          ResourceCase("jwe-header-bytes", "the protected header as peers' clients write it again",
                       "compact JSON, alg and enc first, the rest by name", CheckHeaderBytes),
          ResourceCase("jwe-iv", "the IV", "12 bytes",
                       [](const Reply& reply) { return CheckSize(reply, "iv", 12); }),
          ResourceCase("jwe-tag", "the authentication tag", "16 bytes",
                       [](const Reply& reply) { return CheckSize(reply, "tag", 16); }),
          ResourceCase("jwe-encrypted-key", "the wrapped content key", "40 bytes",
                       [](const Reply& reply) { return CheckSize(reply, "encrypted_key", 40); }),
          {"jwe-rsa",
           "the algorithms for an RSA key",
           {Need::kGuest, Need::kRelease},
           FetchForRsa,
           Accepted("RSA-OAEP-256 and A256GCM", CheckRsaHeader)},
          {"fresh-keys",
           "one resource fetched twice",
           {Need::kGuest, Need::kRelease},
           FetchTwice,
           Accepted("nothing in common")}};
}

std::vector<Case> Callers() {
  const std::set<Need> release = {Need::kGuest, Need::kRelease};
  return {{"bearer", "a resource with the token as a bearer instead of the cookie", release,
           [](Lab& lab) -> absl::StatusOr<Reply> {
             ASSIGN_OR_RETURN(Attested attested, lab.Handshake());
             return lab.GetBearer(attested.token, lab.resource());
           },
           Accepted("200 and a JWE")},
          {"stale-cookie-good-bearer", "a cookie that is no session beside a good token", release,
           [](Lab& lab) -> absl::StatusOr<Reply> {
             ASSIGN_OR_RETURN(Attested attested, lab.Handshake());
             return lab.Send("GET", StrCat("/kbs/v0/resource/", lab.resource()),
                             {{"Cookie", "kbs-session-id=0123456789abcdef0123456789abcdef"},
                              {"Authorization", StrCat("Bearer ", attested.token)}});
           },
           Accepted("200 and a JWE")},
          {"other-cookies", "the session cookie among others", release,
           [](Lab& lab) -> absl::StatusOr<Reply> {
             ASSIGN_OR_RETURN(Attested attested, lab.Handshake());
             return lab.Send("GET", StrCat("/kbs/v0/resource/", lab.resource()),
                             {{"Cookie", StrCat("a=b; ", attested.session.cookie, "; c=d")}});
           },
           Accepted("200 and a JWE")},
          {"nobody",
           "a resource without cookie and token",
           {},
           [](Lab& lab) -> absl::StatusOr<Reply> {
             return lab.Send("GET", "/kbs/v0/resource/default/key/1");
           },
           NotAttested()},
          {"not-yet-attested",
           "a resource with the cookie of a session that has only a nonce",
           {},
           [](Lab& lab) -> absl::StatusOr<Reply> {
             ASSIGN_OR_RETURN(GuestSession session, lab.Begin());
             return lab.Get(session, "default/key/1");
           },
           NotAttested()},
          {"missing", "a resource that does not exist", release,
           [](Lab& lab) -> absl::StatusOr<Reply> {
             ASSIGN_OR_RETURN(Attested attested, lab.Handshake());
             // A policy may well forbid what is not there: neither says that it exists.
             return lab.Get(attested.session, "nacre-harness/no/such-resource");
           },
           Refused({403, 404})},
          {"empty-query", "a resource with an empty query behind its path", release,
           [](Lab& lab) -> absl::StatusOr<Reply> {
             ASSIGN_OR_RETURN(Attested attested, lab.Handshake());
             return lab.Send("GET", StrCat("/kbs/v0/resource/", lab.resource(), "?"),
                             {{"Cookie", attested.session.cookie}});
           },
           Accepted("200 and a JWE")}};
}

}  // namespace

Family ResourceFamily() {
  std::vector<Case> cases = Forms();
  std::vector<Case> callers = Callers();
  cases.insert(cases.end(), callers.begin(), callers.end());
  return {.suite = "protocol", .name = "resource", .cases = std::move(cases)};
}

}  // namespace nacre::attestation::harness
