#include "attestation/broker/broker.h"

#include <chrono>

#include "attestation/broker/admin_endpoint.h"
#include "attestation/broker/handshake.h"
#include "attestation/broker/resource_endpoint.h"
#include "base/encoding.h"
#include "crypto/random.h"

namespace nacre::attestation {
namespace {

constexpr size_t kCorrelationIdSize = 8;  // bytes; 16 hex digits

int64_t SteadyMs() {
  auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

}  // namespace

Broker::Broker(std::unique_ptr<BrokerContext> context)
    : context_(std::move(context)), limiter_(context_->config.attestations_per_minute) {}

Answer Broker::Handle(const net::HttpServerRequest& request) {
  Call call{.request = request,
            .origin = {.id = HexEncode(crypto::RandomBytes(kCorrelationIdSize)),
                       .peer = request.peer,
                       .time = context_->unix_time()}};
  Answer answer = Route(call);
  answer.response.headers.emplace_back("Cache-Control", "no-store");
  answer.response.headers.emplace_back("X-Correlation-Id", call.origin.id);
  return answer;
}

Answer Broker::Route(const Call& call) {
  const std::string& method = call.request.method;
  const std::string& path = call.request.path;
  bool attest = path == "/kbs/v0/attest";
  if (method == "POST" && (attest || path == "/kbs/v0/auth")) {
    // Verifying is the dear step; the nonce before it costs as much as any other answer.
    if (attest && !limiter_.Take(PeerHost(call.request.peer), SteadyMs())) {
      return Refuse({429, "TooManyRequests", "rate-limited", "too many attestations from here", ""},
                    call.origin.id);
    }
    return attest ? HandleAttest(*context_, call) : HandleAuth(*context_, call);
  }
  constexpr std::string_view kResource = "/kbs/v0/resource/";
  if (method == "GET" && path.starts_with(kResource)) {
    return HandleGetResource(*context_, call, std::string_view(path).substr(kResource.size()));
  }
  if (method == "GET" && path == "/healthz") return JsonAnswer(R"({"status":"ok"})");
  if (method == "GET" && path == "/.well-known/jwks.json") return Jwks(call);
  if (auto answer = HandleAdmin(*context_, call)) return *std::move(answer);
  return Refuse({404, "InvalidRequestPath", "bad-path", "no such method and path here", ""},
                call.origin.id);
}

Answer Broker::Jwks(const Call& call) {
  auto jwks = context_->tokens.Jwks();
  return jwks.ok() ? JsonAnswer(*std::move(jwks)) : RefuseFailure(jwks.status(), call.origin.id);
}

}  // namespace nacre::attestation
