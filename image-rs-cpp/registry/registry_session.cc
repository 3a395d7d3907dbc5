#include "image-rs-cpp/registry/registry_session.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <thread>

#include "base/file.h"
#include "base/strings.h"
#include "crypto/random.h"
#include "image-rs-cpp/printable.h"
#include "image-rs-cpp/registry/auth_challenge.h"
#include "image-rs-cpp/registry/backoff.h"

namespace nacre::image {
namespace {

constexpr int kMaxRedirects = 5;
constexpr const char* kSystemRoots = "/etc/ssl/certs/ca-certificates.crt";
constexpr size_t kMaxRoots = 4 << 20;

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

bool IsBusy(int status) { return status == 429 || (status >= 500 && status <= 504); }

std::string Key(const Endpoint& endpoint) {
  return StrCat(endpoint.registry, "/", endpoint.repository);
}

// Credentials are filed under the name people know.
std::string FiledUnder(const Endpoint& endpoint) {
  return endpoint.registry == "registry-1.docker.io" ? "docker.io" : endpoint.registry;
}

int64_t SteadyMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

uint32_t RandomNumber() {
  const Bytes bytes = crypto::RandomBytes(4);
  return static_cast<uint32_t>(bytes[0]) << 24 | static_cast<uint32_t>(bytes[1]) << 16 |
         static_cast<uint32_t>(bytes[2]) << 8 | bytes[3];
}

// The HTTP client takes one set of roots: ours and the system's together.
absl::StatusOr<std::string> AllRoots(const RegistryOptions& options) {
  if (options.extra_ca_pem.empty() || !options.trusted_ca_pem.empty()) {
    return StrCat(options.trusted_ca_pem, options.extra_ca_pem);
  }
  absl::StatusOr<std::string> system = ReadTextFile(kSystemRoots, kMaxRoots);
  if (!system.ok() && !absl::IsNotFound(system.status())) return system.status();
  return StrCat(system.value_or(""), "\n", options.extra_ca_pem);
}

bool MayRepeat(const std::string& method) { return method != "POST" && method != "PATCH"; }

}  // namespace

absl::StatusOr<std::unique_ptr<RegistrySession>> RegistrySession::Create(
    const RegistryOptions& options, const Limits& limits) {
  RETURN_IF_ERROR(CheckProxyOptions(options.proxy));
  net::HttpClientOptions http;
  ASSIGN_OR_RETURN(http.trusted_ca_pem, AllRoots(options));
  http.allow_tls_1_2 = true;  // public registries and their blob stores; digests guard the content
  http.connect_timeout_ms = options.connect_timeout_ms;
  http.idle_timeout_ms = options.idle_timeout_ms;
  http.total_timeout_ms = 0;
  http.max_streamed_body = std::max(limits.max_layer_size, limits.max_manifest_size);
  HttpClients clients;
  for (const std::string& proxy :
       {std::string(), options.proxy.http_proxy, options.proxy.https_proxy}) {
    if (clients.contains(proxy)) continue;
    http.proxy_url = proxy;
    ASSIGN_OR_RETURN(clients[proxy], net::HttpClient::Create(http), "registry client");
  }
  return std::unique_ptr<RegistrySession>(new RegistrySession(options, limits, std::move(clients)));
}

RegistrySession::RegistrySession(const RegistryOptions& options, const Limits& limits,
                                 HttpClients clients)
    : options_(options), limits_(limits), clients_(std::move(clients)) {}

net::HttpClient& RegistrySession::ClientFor(const net::Url& url) const {
  return *clients_.at(ProxyFor(options_.proxy, url));
}

bool RegistrySession::IsListed(const std::string& host) const {
  const auto in = [&](const std::vector<std::string>& list) {
    return std::find(list.begin(), list.end(), host) != list.end();
  };
  return in(options_.insecure_registries) || in(options_.registries.insecure_hosts());
}

bool RegistrySession::IsInsecure(const Endpoint& endpoint) const {
  return endpoint.insecure || IsListed(endpoint.registry);
}

// http only to those listed; a listing without a port means port 80.
absl::Status RegistrySession::CheckAllowed(const net::Url& url) const {
  if (url.tls() || IsListed(url.HostPort()) || IsListed(url.Authority())) return absl::OkStatus();
  return absl::PermissionDeniedError(StrCat("plain http to ", url.HostPort(),
                                            " is not allowed: it is not in insecure_registries"));
}

absl::StatusOr<net::HttpResponse> RegistrySession::FollowRedirects(const Request& request,
                                                                   net::Url url,
                                                                   const std::string& authorization,
                                                                   bool* away) {
  const std::string origin = url.Origin();
  for (int hops = 0; hops <= kMaxRedirects; ++hops) {
    RETURN_IF_ERROR(CheckAllowed(url));
    net::HttpRequest http;
    http.method = request.method;
    http.url = url.ToString();
    http.headers = request.headers;
    http.body = request.body;
    *away = url.Origin() != origin;
    if (!authorization.empty() && !*away) {
      http.headers.emplace_back("Authorization", authorization);
    }
    net::HttpClient& client = ClientFor(url);
    ASSIGN_OR_RETURN(net::HttpResponse response,
                     request.on_bytes
                         ? client.SendStreaming(http, request.on_bytes, request.on_head)
                         : client.Send(http));
    if (!IsRedirect(response.status)) return response;
    const std::string_view location = response.Header("Location");
    if (location.empty()) {
      return absl::InvalidArgumentError(StrCat(url.HostPort(), ": a redirect to nowhere"));
    }
    ASSIGN_OR_RETURN(url, net::ResolveUrl(url, location), StrCat(url.HostPort(), ": redirect"));
  }
  return absl::ResourceExhaustedError(StrCat(origin, ": more than ", kMaxRedirects, " redirects"));
}

std::string RegistrySession::Known(const Endpoint& endpoint) {
  std::lock_guard lock(mutex_);
  const auto found = authorizations_.find(Key(endpoint));
  if (found == authorizations_.end()) return "";
  if (found->second.until_ms != 0 && SteadyMs() >= found->second.until_ms) return "";
  return found->second.value;
}

absl::StatusOr<net::HttpResponse> RegistrySession::SendOnce(const Request& request) {
  const Endpoint& endpoint = *request.endpoint;
  const std::string base = StrCat(IsInsecure(endpoint) ? "http://" : "https://", endpoint.registry);
  ASSIGN_OR_RETURN(net::Url url, request.target.starts_with('/')
                                     ? net::ParseUrl(base + request.target)
                                     : net::ParseUrl(request.target));
  ASSIGN_OR_RETURN(const net::Url own, net::ParseUrl(base));
  // Only the registry itself is shown credentials, and only its challenges are answered.
  const bool elsewhere = url.Origin() != own.Origin();
  bool away = false;
  ASSIGN_OR_RETURN(net::HttpResponse response,
                   FollowRedirects(request, url, elsewhere ? "" : Known(endpoint), &away));
  if (response.status != 401 || elsewhere || away) return response;
  // The first request without a token, or the token has expired.
  ASSIGN_OR_RETURN(const std::string fresh, Authenticate(endpoint, response));
  return FollowRedirects(request, std::move(url), fresh, &away);
}

absl::StatusOr<net::HttpResponse> RegistrySession::Send(const Request& request) {
  Backoff backoff({.first_ms = limits_.retry_delay_ms, .longest_ms = limits_.max_retry_delay_ms});
  for (uint32_t attempt = 1;; ++attempt) {
    bool started = false;
    Request watched = request;
    if (request.on_bytes) {
      watched.on_bytes = [&](ByteView data) {
        started = true;
        return request.on_bytes(data);
      };
    }
    absl::StatusOr<net::HttpResponse> response = SendOnce(watched);
    const bool broke = absl::IsUnavailable(response.status()) ||
                       absl::IsDeadlineExceeded(response.status()) ||
                       absl::IsDataLoss(response.status());
    const bool again = response.ok() ? IsBusy(response->status) : broke && !started;
    if (!again || attempt >= limits_.fetch_attempts || !MayRepeat(request.method)) return response;
    std::optional<uint64_t> asked;
    if (response.ok()) {
      asked = ParseRetryAfter(response->Header("Retry-After"), std::time(nullptr));
    }
    const std::optional<uint32_t> delay = backoff.Next(asked, RandomNumber());
    if (!delay) return response;
    if (options_.sleep) {
      options_.sleep(*delay);
    } else {
      std::this_thread::sleep_for(std::chrono::milliseconds(*delay));
    }
  }
}

absl::StatusOr<std::string> RegistrySession::Authenticate(const Endpoint& endpoint,
                                                          const net::HttpResponse& refusal) {
  const std::string challenge = ChooseChallenge(refusal.headers);
  Authorization authorization;
  if (IsBasicChallenge(challenge)) {
    const auto login = options_.credentials.Find(FiledUnder(endpoint), endpoint.repository);
    if (!login) {
      return absl::UnauthenticatedError(
          StrCat(Key(endpoint), ": the registry asks for 'Basic' credentials, and there are none"));
    }
    authorization.value = StrCat("Basic ", *login);
  } else {
    ASSIGN_OR_RETURN(authorization, AskForToken(endpoint, challenge),
                     StrCat("token for ", Key(endpoint)));
  }
  std::lock_guard lock(mutex_);
  authorizations_[Key(endpoint)] = authorization;
  return authorization.value;
}

absl::StatusOr<RegistrySession::Authorization> RegistrySession::AskForToken(
    const Endpoint& endpoint, std::string_view challenge_text) {
  ASSIGN_OR_RETURN(const BearerChallenge challenge, ParseBearerChallenge(challenge_text));
  ASSIGN_OR_RETURN(net::Url url, net::ParseUrl(challenge.realm));
  RETURN_IF_ERROR(CheckAllowed(url));
  const std::string scope = challenge.scope.empty()
                                ? StrCat("repository:", endpoint.repository, ":pull")
                                : challenge.scope;
  url.target += url.target.find('?') == std::string::npos ? "?" : "&";
  StrAppend(&url.target, "scope=", net::PercentEncode(scope));
  if (!challenge.service.empty()) {
    StrAppend(&url.target, "&service=", net::PercentEncode(challenge.service));
  }
  net::HttpRequest request;
  request.url = url.ToString();
  const auto login = options_.credentials.Find(FiledUnder(endpoint), endpoint.repository);
  if (login) request.headers.emplace_back("Authorization", StrCat("Basic ", *login));
  ASSIGN_OR_RETURN(const net::HttpResponse response, ClientFor(url).Send(request));
  if (response.status != 200) return RegistryRefusal(response, "token server");
  ASSIGN_OR_RETURN(const TokenAnswer answer, ParseTokenAnswer(response.body));
  // A tenth of its life early, so that it does not end on the way.
  return Authorization{StrCat("Bearer ", answer.token),
                       SteadyMs() + static_cast<int64_t>(answer.expires_in) * 900};
}

}  // namespace nacre::image
