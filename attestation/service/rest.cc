#include "attestation/service/rest.h"

#include <chrono>

#include "attestation/protocol/jwt.h"
#include "attestation/service/evaluate.h"
#include "attestation/service/rest_body.h"
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
  if (!limiter_->Take(PeerHost(call.request.peer), SteadyMs())) {
    return Refuse({429, "TooManyRequests", "rate-limited", "too many attestations from here", ""},
                  call.origin.id);
  }
  const auto body = ReadEvaluationBody(call.request.body);
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
