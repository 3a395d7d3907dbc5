#include "attestation/service/rest.h"

#include <chrono>

#include "attestation/protocol/jwt.h"
#include "attestation/protocol/limits.h"
#include "attestation/service/evaluate.h"
#include "base/encoding.h"
#include "base/strings.h"
#include "crypto/random.h"

namespace nacre::attestation {
namespace {

constexpr size_t kCorrelationIdSize = 8;

int64_t SteadyMs() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

absl::StatusOr<std::optional<std::string>> OptionalText(const Json& object, std::string_view key) {
  if (!object.contains(key) || object[key].is_null()) return std::optional<std::string>();
  ASSIGN_OR_RETURN(std::string text, JsonString(object, key, "verification request"));
  return std::optional(std::move(text));
}

// A member that is an object, or empty when it is not there.
absl::StatusOr<Json> Part(const Json& object, std::string_view key) {
  if (!object.contains(key) || object[key].is_null()) return Json::object();
  ASSIGN_OR_RETURN(const Json* part, JsonObject(object, key, "verification request"));
  return *part;
}

absl::StatusOr<VerificationRequest> ReadRequest(const Json& json) {
  constexpr std::string_view kWhere = "verification request";
  VerificationRequest out;
  ASSIGN_OR_RETURN(out.tee, JsonString(json, "tee", kWhere));
  ASSIGN_OR_RETURN(out.evidence, JsonString(json, "evidence", kWhere));
  ASSIGN_OR_RETURN(const Json runtime, Part(json, "runtime_data"));
  ASSIGN_OR_RETURN(out.raw_runtime_data, OptionalText(runtime, "raw"));
  if (runtime.contains("structured")) out.structured_runtime_data = runtime["structured"];
  ASSIGN_OR_RETURN(const Json init, Part(json, "init_data"));
  ASSIGN_OR_RETURN(out.init_data_digest, OptionalText(init, "init_data_digest"));
  ASSIGN_OR_RETURN(out.init_data_toml, OptionalText(init, "init_data_toml"));
  ASSIGN_OR_RETURN(const auto hash, OptionalText(json, "runtime_data_hash_algorithm"));
  out.hash_algorithm = hash.value_or("");
  return out;
}

struct Body {
  std::vector<VerificationRequest> requests;
  std::vector<std::string> policy_ids;
};

absl::StatusOr<Body> ReadBody(std::string_view text) {
  ASSIGN_OR_RETURN(const Json json,
                   ParseJson(text, {.max_size = kMaxMessageSize, .max_depth = kMaxMessageDepth}));
  Body body;
  ASSIGN_OR_RETURN(const Json* requests, JsonArray(json, "verification_requests", "request"));
  for (const Json& request : *requests) {
    ASSIGN_OR_RETURN(VerificationRequest one, ReadRequest(request));
    body.requests.push_back(std::move(one));
  }
  if (!json.contains("policy_ids")) return body;
  ASSIGN_OR_RETURN(const Json* ids, JsonArray(json, "policy_ids", "request"));
  for (const Json& id : *ids) {
    if (!id.is_string()) return absl::InvalidArgumentError("policy_ids: want names");
    body.policy_ids.push_back(id.get<std::string>());
  }
  return body;
}

Answer TextAnswer(std::string text) {
  return {
      .response = net::MakeResponse(200, "text/plain", std::move(text)), .code = {}, .summary = {}};
}

Answer Failed(const Call& call, const absl::Status& status) {
  const std::string why(Message(status));
  if (absl::IsInvalidArgument(status)) {
    return Refuse({400, "MalformedRequest", "malformed", why, ""}, call.origin.id);
  }
  if (absl::IsUnauthenticated(status)) {
    return Refuse({401, "AttestationError", "not-genuine", why, ""}, call.origin.id);
  }
  if (absl::IsNotFound(status)) {
    return Refuse({404, "NotFound", "not-found", why, ""}, call.origin.id);
  }
  return RefuseFailure(status, call.origin.id);
}

}  // namespace

Answer RestService::Handle(const net::HttpServerRequest& request) {
  const Call call{.request = request,
                  .origin = {.id = HexEncode(crypto::RandomBytes(kCorrelationIdSize)),
                             .peer = request.peer,
                             .time = context_->unix_time()}};
  Answer answer = Route(call);
  answer.response.headers.emplace_back("Cache-Control", "no-store");
  if (answer.response.Header("X-Correlation-Id").empty()) {
    answer.response.headers.emplace_back("X-Correlation-Id", call.origin.id);
  }
  return answer;
}

Answer RestService::Route(const Call& call) {
  const std::string& path = call.request.path;
  const bool post = call.request.method == "POST";
  if (path == "/attestation") {
    return post ? Attest(call) : MethodNotAllowed("POST", call.origin.id);
  }
  if (path == "/challenge") {
    return post ? TextAnswer(NewChallenge()) : MethodNotAllowed("POST", call.origin.id);
  }
  if (path == "/policy") return Policies(call);
  if (path.starts_with("/kbs/")) {
    return Refuse({404, "InvalidRequestPath", "bad-path", "this is no key broker", ""},
                  call.origin.id);
  }
  return broker_->Handle(call.request);
}

Answer RestService::Attest(const Call& call) {
  if (!limiter_.Take(PeerHost(call.request.peer), SteadyMs())) {
    return Refuse({429, "TooManyRequests", "rate-limited", "too many attestations from here", ""},
                  call.origin.id);
  }
  const auto body = ReadBody(call.request.body);
  if (!body.ok()) return Failed(call, body.status());
  auto token = Evaluate(*context_, call.origin, body->requests, body->policy_ids);
  return token.ok() ? TextAnswer(*std::move(token)) : Failed(call, token.status());
}

// Setting one is the broker's own endpoint under another path, with its credentials.
Answer RestService::Policies(const Call& call) {
  net::HttpServerRequest request = call.request;
  request.path = "/kbs/v0/attestation-policy";
  if (request.method != "GET") return broker_->Handle(request);
  const auto policies = context_->policies->List(PolicyKind::kAttestation);
  if (!policies.ok()) return Failed(call, policies.status());
  Json names = Json::array();
  for (const StoredPolicy& policy : *policies) names.push_back(policy.name);
  return JsonAnswer(names.dump());
}

}  // namespace nacre::attestation
