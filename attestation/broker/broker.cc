#include "attestation/broker/broker.h"

#include <chrono>
#include <future>

#include "attestation/broker/admin_endpoint.h"
#include "attestation/broker/denial_endpoint.h"
#include "attestation/broker/handshake.h"
#include "attestation/broker/resource_endpoint.h"
#include "attestation/broker/storage/sql.h"
#include "attestation/protocol/denials.h"
#include "base/encoding.h"
#include "crypto/random.h"

namespace nacre::attestation {
namespace {

constexpr size_t kCorrelationIdSize = 8;  // bytes; 16 hex digits

// Random bytes come cheaper by the dozen.
std::string NewCorrelationId() {
  thread_local Bytes left;
  if (left.empty()) left = crypto::RandomBytes(64 * kCorrelationIdSize);
  const size_t rest = left.size() - kCorrelationIdSize;
  std::string id = HexEncode(ByteView(left).subspan(rest));
  left.resize(rest);
  return id;
}

int64_t SteadyMs() {
  auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

constexpr std::string_view kResource = "/kbs/v0/resource/";
constexpr std::string_view kJwks = "/.well-known/jwks.json";

// For metrics: a small fixed set, whatever is asked for.
std::string_view RouteName(std::string_view path) {
  if (path == "/kbs/v0/auth") return "auth";
  if (path == "/kbs/v0/attest") return "attest";
  if (path.starts_with(kResource)) return "resource";
  if (path == kDenialsPath) return "denials";
  if (path.starts_with("/kbs/v0/")) return "admin";
  return "other";
}

// As peers answer: whatever is refused is 401, but for a path that does not exist.
void ForgetCode(Answer* answer) {
  const bool path = answer->code == "bad-path" || answer->code == "plugin-not-found";
  if (answer->response.status >= 400 && !path) answer->response.status = 401;
}

}  // namespace

Broker::Broker(std::unique_ptr<BrokerContext> context)
    : context_(std::move(context)),
      limiter_(context_->config.attestations_per_minute),
      denial_limiter_(context_->config.denial_posts_per_minute) {}

// A request under way.
struct Broker::Begun {
  std::chrono::steady_clock::time_point start;
  Call call;
};

Broker::Begun Broker::Begin(const net::HttpServerRequest& request, bool at_once) const {
  return {
      .start = std::chrono::steady_clock::now(),
      .call = {
          .request = request,
          .origin = {.id = NewCorrelationId(), .peer = request.peer, .time = context_->unix_time()},
          .actor = {},
          .at_once = at_once}};
}

Answer Broker::Finish(const Begun& begun, Answer answer) {
  const std::string& path = begun.call.request.path;
  if (context_->config.compat_401_everywhere && path.starts_with("/kbs/v0/")) ForgetCode(&answer);
  answer.response.headers.emplace_back("Cache-Control", "no-store");
  answer.response.headers.emplace_back("X-Correlation-Id", begun.call.origin.id);
  const auto took = std::chrono::steady_clock::now() - begun.start;
  context_->metrics->Count(RouteName(path), answer.response.status, answer.code,
                           std::chrono::duration_cast<std::chrono::microseconds>(took).count());
  return answer;
}

std::optional<Answer> Broker::HandleAtOnce(const net::HttpServerRequest& request) {
  const bool own_store = context_->store->database().engine() == sql::Engine::kSqlite;
  const std::string_view route = RouteName(request.path);
  const bool resource = route == "resource" && request.method == "GET" && own_store;
  if (!resource && route != "auth") return std::nullopt;
  const Begun begun = Begin(request, true);
  Answer answer = Route(begun.call);
  if (answer.has_to_wait) return std::nullopt;
  return Finish(begun, std::move(answer));
}

bool Broker::IsAttest(const net::HttpServerRequest& request) const {
  return request.path == "/kbs/v0/attest" && request.method == "POST";
}

void Broker::HandleLater(const net::HttpServerRequest& request, std::function<void(Answer)> done) {
  const Begun begun = Begin(request, false);
  if (!IsAttest(request)) return done(Finish(begun, Route(begun.call)));
  // Verifying is the dear step; the nonce before it costs as much as any other answer.
  if (!limiter_.Take(PeerHost(request.peer), SteadyMs())) {
    return done(Finish(begun, Refuse({429, "TooManyRequests", "rate-limited",
                                      "too many attestations from here", ""},
                                     begun.call.origin.id)));
  }
  HandleAttest(*context_, begun.call, [this, begun, done = std::move(done)](Answer answer) {
    done(Finish(begun, std::move(answer)));
  });
}

Answer Broker::Handle(const net::HttpServerRequest& request) {
  std::promise<Answer> answer;
  HandleLater(request, [&](Answer given) { answer.set_value(std::move(given)); });
  return answer.get_future().get();
}

Answer Broker::Route(const Call& call) {
  const std::string& path = call.request.path;
  if (path == "/kbs/v0/auth" || path == "/kbs/v0/attest") {
    if (call.request.method != "POST") return MethodNotAllowed("POST", call.origin.id);
    return HandleAuth(*context_, call);  // the other one is answered later
  }
  if (path.starts_with(kResource) && call.request.method == "GET") {
    return HandleGetResource(*context_, call, std::string_view(path).substr(kResource.size()));
  }
  if (path == kDenialsPath) {
    return HandleReportDenials(*context_, call, denial_limiter_, SteadyMs());
  }
  if (auto answer = HandleAdmin(*context_, call)) return *std::move(answer);
  if (auto answer = Housekeeping(call)) return *std::move(answer);
  constexpr std::string_view kPrefix = "/kbs/v0/";
  if (path.starts_with(kPrefix) && path.find('/', kPrefix.size()) != std::string::npos) {
    return Refuse({404, "PluginNotFound", "plugin-not-found", "there is no such plugin here", ""},
                  call.origin.id);
  }
  return Refuse({404, "InvalidRequestPath", "bad-path", "no such path here", ""}, call.origin.id);
}

std::optional<Answer> Broker::Housekeeping(const Call& call) {
  const std::string& path = call.request.path;
  const bool known = path == "/healthz" || path == "/readyz" || path == "/metrics" || path == kJwks;
  if (!known) return std::nullopt;
  if (call.request.method != "GET" && call.request.method != "HEAD") {
    return MethodNotAllowed("GET", call.origin.id);
  }
  if (path == kJwks) return Jwks(call);
  if (path == "/healthz") return JsonAnswer(R"({"status":"ok"})");
  if (path == "/readyz") return Ready(call);
  return Answer{
      .response = net::MakeResponse(200, "text/plain; version=0.0.4", context_->metrics->Text()),
      .code = {},
      .summary = {}};
}

// Ready when what every decision needs can be read.
Answer Broker::Ready(const Call& call) {
  absl::Status status = context_->references->All().status();
  if (status.ok()) status = context_->policies->Current().status();
  if (status.ok()) return JsonAnswer(R"({"status":"ready"})");
  return Refuse({503, "Unavailable", "unavailable", "the broker cannot decide now",
                 std::string(status.message())},
                call.origin.id);
}

Answer Broker::Jwks(const Call& call) {
  auto jwks = context_->tokens.Jwks();
  return jwks.ok() ? JsonAnswer(*std::move(jwks)) : RefuseFailure(jwks.status(), call.origin.id);
}

}  // namespace nacre::attestation
