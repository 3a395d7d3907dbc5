// The owner's side: what only the owner's key opens.
#include <ctime>

#include "attestation/harness/case_steps.h"
#include "attestation/harness/families.h"
#include "attestation/harness/token_tools.h"
#include "attestation/protocol/jwt.h"
#include "base/encoding.h"
#include "base/strings.h"

namespace nacre::attestation::harness {
namespace {

constexpr std::string_view kOwn = "/kbs/v0/resource/nacre-harness/admin/1";

// Everything that changes the broker or shows what is in it.
struct Door {
  const char* name;
  const char* method;
  const char* path;
  const char* body;
};
const Door kDoors[] = {{"set-resource", "POST", "/kbs/v0/resource/nacre-harness/admin/1", "x"},
                       {"delete-resource", "DELETE", "/kbs/v0/resource/nacre-harness/admin/1", ""},
                       {"register-reference", "POST", "/kbs/v0/reference-value", "{}"},
                       {"set-resource-policy", "POST", "/kbs/v0/resource-policy", "{}"},
                       {"set-attestation-policy", "POST", "/kbs/v0/attestation-policy", "{}"}};

Case Knock(const Door& door, std::string how, std::string what,
           std::function<absl::StatusOr<std::string>(Lab&)> token, std::set<Need> needs = {}) {
  auto steps = [door, token = std::move(token)](Lab& lab) -> absl::StatusOr<Reply> {
    ASSIGN_OR_RETURN(std::string bearer, token(lab));
    net::HttpHeaders headers;
    if (!bearer.empty()) headers.emplace_back("Authorization", StrCat("Bearer ", bearer));
    return lab.Send(door.method, door.path, std::move(headers), door.body);
  };
  // 404: a broker without this part of the interface has nothing behind the door.
  return {.name = StrCat(door.name, "-", how),
          .what = StrCat(what, ": ", door.method, " ", door.path),
          .needs = std::move(needs),
          .steps = std::move(steps),
          .expected = Refused({401, 403, 404})};
}

absl::StatusOr<std::string> NoToken(Lab&) { return std::string(); }

absl::StatusOr<std::string> GuestToken(Lab& lab) {
  ASSIGN_OR_RETURN(Attested attested, lab.Handshake());
  return attested.token;
}

// A token of somebody who has a key, but not the owner's.
absl::StatusOr<std::string> StrangersToken(Lab& lab) {
  return SignAdminToken(SigningKey(lab.key()), lab.options().admin_issuer, std::time(nullptr), 60);
}

absl::StatusOr<std::string> UnsignedToken(Lab& lab) {
  ASSIGN_OR_RETURN(std::string token, StrangersToken(lab));
  ASSIGN_OR_RETURN(TokenParts parts, TakeApart(token));
  parts.header["alg"] = "none";
  parts.signature.clear();
  return PutTogether(parts);
}

// The owner's own key over other claims.
Case OwnersToken(std::string name, std::string what, std::function<void(Json&)> change) {
  auto steps = [change = std::move(change)](Lab& lab) -> absl::StatusOr<Reply> {
    ASSIGN_OR_RETURN(std::string token, lab.AdminToken());
    ASSIGN_OR_RETURN(TokenParts parts, TakeApart(token));
    change(parts.claims);
    ASSIGN_OR_RETURN(const auto key,
                     crypto::PrivateKey::FromPem(AsBytes(lab.options().admin_key_pem)));
    ASSIGN_OR_RETURN(token, SignParts(std::move(parts), key));
    return lab.Send("POST", kOwn, {{"Authorization", StrCat("Bearer ", token)}}, "x");
  };
  return {.name = std::move(name),
          .what = std::move(what),
          .needs = {Need::kAdmin},
          .steps = std::move(steps),
          .expected = Refused({401, 403})};
}

std::vector<Case> OwnersTokens() {
  const int64_t hour = 3600;
  return {OwnersToken("expired", "an owner's token whose time is over",
                      [hour](Json& claims) { claims["exp"] = std::time(nullptr) - hour; }),
          OwnersToken("no-expiry", "an owner's token that never ends",
                      [](Json& claims) { claims.erase("exp"); }),
          OwnersToken("not-yet-valid", "an owner's token of the future",
                      [hour](Json& claims) { claims["nbf"] = std::time(nullptr) + hour; }),
          OwnersToken("other-role", "an owner's token for another role",
                      [](Json& claims) { claims["role"] = "reader-of-nothing"; }),
          OwnersToken("no-role", "an owner's token without a role",
                      [](Json& claims) { claims.erase("role"); }),
          OwnersToken("other-issuer", "an owner's token of another issuer",
                      [](Json& claims) { claims["iss"] = "somebody-else"; })};
}

// Set, read as the owner's list or as the guest, delete, gone.
absl::StatusOr<Reply> SetAndDelete(Lab& lab) {
  if (Reply reply = lab.Admin("POST", kOwn, "one"); reply.status != 200) return reply;
  if (Reply reply = lab.Admin("POST", kOwn, "two"); reply.status != 200) return reply;
  return lab.Admin("DELETE", kOwn);
}

absl::StatusOr<Reply> DeleteTwice(Lab& lab) {
  if (Reply reply = lab.Admin("POST", kOwn, "one"); reply.status != 200) return reply;
  if (Reply reply = lab.Admin("DELETE", kOwn); reply.status != 200) return reply;
  return lab.Admin("DELETE", kOwn);
}

// What the owner replaces is what guests get from then on.
absl::StatusOr<Reply> ReplaceResource(Lab& lab) {
  if (Reply reply = lab.Admin("POST", kOwn, "one"); reply.status != 200) return reply;
  ASSIGN_OR_RETURN(Attested attested, lab.Handshake());
  if (Reply reply = lab.Admin("POST", kOwn, std::string("\0two\xff", 5)); reply.status != 200) {
    return reply;
  }
  Reply reply = lab.Get(attested.session, "nacre-harness/admin/1");
  lab.Admin("DELETE", kOwn);
  if (reply.status != 200) return reply;
  ASSIGN_OR_RETURN(SecretBytes contents, OpenResource(reply.body, lab.key()));
  bool right = AsText(contents.view()) == std::string_view("\0two\xff", 5);
  return right ? absl::StatusOr<Reply>(reply)
               : absl::FailedPreconditionError("other bytes than the owner's");
}

}  // namespace

Family AdminFamily() {
  std::vector<Case> cases = {{"set-and-delete",
                              "the owner sets a resource twice and deletes it",
                              {Need::kAdmin},
                              SetAndDelete,
                              Accepted("200 each time")},
                             {"delete-twice",
                              "the owner deletes a resource that is gone",
                              {Need::kAdmin},
                              DeleteTwice,
                              Refused({404})},
                             {"replace",
                              "a resource of any bytes is replaced while a guest holds a token",
                              {Need::kAdmin, Need::kGuest, Need::kRelease},
                              ReplaceResource,
                              Accepted("the new bytes")}};
  for (const Door& door : kDoors) {
    cases.push_back(Knock(door, "nobody", "without a token", NoToken));
    cases.push_back(Knock(door, "guest", "with a guest's token", GuestToken, {Need::kGuest}));
    cases.push_back(Knock(door, "stranger", "with a token of another key", StrangersToken));
    cases.push_back(Knock(door, "alg-none", "with a token that nobody signed", UnsignedToken));
  }
  std::vector<Case> more = OwnersTokens();
  cases.insert(cases.end(), more.begin(), more.end());
  return {.suite = "protocol", .name = "admin", .cases = std::move(cases)};
}

}  // namespace nacre::attestation::harness
