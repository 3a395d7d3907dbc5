#include "attestation/broker/answer.h"

#include "attestation/protocol/error_body.h"

namespace nacre::attestation {

Answer Refuse(const Refusal& refusal, std::string_view correlation_id) {
  ErrorBody body{.variant = refusal.variant,
                 .detail = refusal.detail,
                 .code = refusal.code,
                 .correlation_id = std::string(correlation_id)};
  Answer answer{
      .response = net::MakeResponse(refusal.status, "application/json", SerializeErrorBody(body)),
      .code = refusal.code,
      .summary = refusal.summary.empty() ? refusal.detail : refusal.summary};
  if (refusal.status == 429) answer.response.headers.emplace_back("Retry-After", "5");
  return answer;
}

Answer RefuseFailure(const absl::Status& status, std::string_view correlation_id) {
  std::string summary(status.message());
  switch (status.code()) {
    case absl::StatusCode::kNotFound:
      return Refuse({404, "NotFound", "not-found", "there is no such thing here", summary},
                    correlation_id);
    case absl::StatusCode::kResourceExhausted:
      return Refuse({429, "TooManyRequests", "busy", "the broker is at a limit", summary},
                    correlation_id);
    case absl::StatusCode::kUnavailable:
      return Refuse({503, "Unavailable", "unavailable", "the broker cannot answer now", summary},
                    correlation_id);
    default:
      return Refuse({500, "InternalError", "internal", "the broker failed", summary},
                    correlation_id);
  }
}

Answer MethodNotAllowed(std::string_view allowed, std::string_view correlation_id) {
  Answer answer = Refuse({405, "MethodNotAllowed", "method-not-allowed",
                          "this path takes " + std::string(allowed), ""},
                         correlation_id);
  answer.response.headers.emplace_back("Allow", std::string(allowed));
  return answer;
}

Answer JsonAnswer(std::string body) {
  return {.response = net::MakeResponse(200, "application/json", std::move(body)),
          .code = {},
          .summary = {}};
}

}  // namespace nacre::attestation
