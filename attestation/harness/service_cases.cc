// The service around the protocol: health, keys, errors, unknown paths.
#include "attestation/harness/case_steps.h"
#include "attestation/harness/families.h"
#include "base/strings.h"

namespace nacre::attestation::harness {
namespace {

Case Ask(std::string name, std::string what, std::string method, std::string path,
         Expected expected, std::set<Need> needs = {}) {
  return {.name = std::move(name),
          .what = std::move(what),
          .needs = std::move(needs),
          .steps = [method = std::move(method), path = std::move(path)](
                       Lab& lab) -> absl::StatusOr<Reply> { return lab.Send(method, path); },
          .expected = std::move(expected)};
}

std::string CheckKeys(const Reply& reply) {
  auto body = BodyOf(reply);
  if (!body.ok()) return std::string(Message(body.status()));
  const Json keys = body->value("keys", Json());
  if (!keys.is_array() || keys.empty()) return "no keys";
  for (const Json& key : keys) {
    if (!key.is_object() || !key.contains("kty") || !key.contains("kid"))
      return "a key without kid";
    for (const char* secret : {"d", "p", "q", "k"}) {
      if (key.contains(secret)) return "a private key";
    }
  }
  return "";
}

std::string CheckJsonType(const Reply& reply) {
  return Unless(reply.Header("Content-Type").starts_with("application/json"),
                StrCat("Content-Type '", reply.Header("Content-Type"), "'"));
}

std::string CheckNoStore(const Reply& reply) {
  return Unless(reply.Header("Cache-Control").find("no-store") != std::string_view::npos,
                "an answer that caches may keep");
}

absl::StatusOr<Reply> Challenge(Lab& lab) { return lab.Auth(RequestText(lab)); }

}  // namespace

Family ServiceFamily() {
  return {
      .suite = "protocol",
      .name = "service",
      .cases = {Ask("healthz", "a broker that serves says so", "GET", "/healthz", Accepted("200")),
                Ask("jwks", "the public keys of tokens", "GET", "/.well-known/jwks.json",
                    Accepted("keys with kid, and nothing private", CheckKeys), {Need::kJwks}),
                Ask("unknown-path", "a path that the protocol does not have", "GET",
                    "/kbs/v0/pearl", RefusedOrClosed({401, 404})),
                Ask("unknown-version", "a later version of the paths", "POST", "/kbs/v1/auth",
                    RefusedOrClosed({401, 404})),
                Ask("root", "the root", "GET", "/", RefusedOrClosed({401, 404})),
                {"json-type",
                 "a Challenge says that it is JSON",
                 {},
                 Challenge,
                 Accepted("Content-Type: application/json", CheckJsonType)},
                {"no-store",
                 "a Challenge is nothing to be kept by caches",
                 {},
                 Challenge,
                 Accepted("Cache-Control: no-store", CheckNoStore)},
                Ask("error-json", "a refusal has the protocol's error body", "GET",
                    "/kbs/v0/resource/default/key/1", NotAttested())}};
}

}  // namespace nacre::attestation::harness
