#include "net/http_client.h"

#include <mutex>
#include <vector>

#include "base/strings.h"
#include "net/http_connection.h"

namespace nacre::net {
namespace {

constexpr size_t kMaxIdleConnections = 8;

bool IsIdempotent(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE" ||
         method == "OPTIONS";
}

absl::Status CheckRequest(const HttpRequest& request) {
  if (!IsValidToken(request.method)) {
    return absl::InvalidArgumentError("the HTTP method is not a token");
  }
  for (const auto& [name, value] : request.headers) {
    if (!IsValidToken(name)) return absl::InvalidArgumentError("a header's name is not a token");
    if (!IsValidHeaderValue(value)) {
      return absl::InvalidArgumentError(
          StrCat("header '", name, "': its value has a line break or a NUL"));
    }
  }
  return absl::OkStatus();
}

Clock::time_point End(int64_t total_timeout_ms) {
  // "No limit" stays far from the end of the clock, where adding to it would overflow.
  constexpr int64_t kDecadeMs = 10ll * 365 * 24 * 3600 * 1000;
  return Clock::now() +
         std::chrono::milliseconds(total_timeout_ms > 0 ? total_timeout_ms : kDecadeMs);
}

}  // namespace

class HttpClient::Impl {
 public:
  explicit Impl(HttpClientOptions options) : options_(std::move(options)) {}

  // Own trust is checked at once. The system's roots are read when the first https URL needs them:
  // they are some 140 certificates, and many a client speaks plain HTTP only.
  absl::Status Check() {
    if (!options_.proxy_url.empty()) {
      ASSIGN_OR_RETURN(Url proxy, ParseUrl(options_.proxy_url), "proxy");
      if (proxy.tls()) return absl::InvalidArgumentError("proxy: want http, not https");
    }
    bool own = !options_.trusted_ca_pem.empty() || !options_.pinned_server_cert_pem.empty() ||
               !options_.pinned_public_key_pem.empty();
    return own ? Tls().status() : absl::OkStatus();
  }

  absl::StatusOr<HttpResponse> Send(const HttpRequest& request, const OnBody* on_body,
                                    const OnHead* on_head) {
    ASSIGN_OR_RETURN(Url url, ParseUrl(request.url));
    RETURN_IF_ERROR(CheckRequest(request));
    HttpExchange exchange{request, url, options_, End(options_.total_timeout_ms), on_body, on_head};
    std::unique_ptr<HttpConnection> connection = TakeIdle(url.Origin());
    if (connection != nullptr) {
      bool silent = false;
      absl::StatusOr<HttpResponse> response = RunOn(std::move(connection), exchange, &silent);
      bool closed_under_us = absl::IsUnavailable(response.status()) && silent;
      if (!closed_under_us || !IsIdempotent(request.method)) return response;
    }
    std::shared_ptr<TlsContext> tls;
    if (url.tls()) {
      ASSIGN_OR_RETURN(tls, Tls());
    }
    ASSIGN_OR_RETURN(connection, HttpConnection::Open(exchange, tls));
    bool silent = false;
    return RunOn(std::move(connection), exchange, &silent);
  }

 private:
  absl::StatusOr<std::shared_ptr<TlsContext>> Tls() {
    std::lock_guard lock(mutex_);
    if (tls_ == nullptr) {
      ASSIGN_OR_RETURN(tls_, MakeClientTls(options_));
    }
    return tls_;
  }

  absl::StatusOr<HttpResponse> RunOn(std::unique_ptr<HttpConnection> connection,
                                     const HttpExchange& exchange, bool* silent) {
    absl::StatusOr<HttpResponse> response = connection->Run(exchange);
    *silent = connection->silent();
    if (response.ok() && connection->reusable()) Keep(std::move(connection));
    return response;
  }

  std::unique_ptr<HttpConnection> TakeIdle(const std::string& origin) {
    std::lock_guard lock(mutex_);
    for (size_t i = idle_.size(); i-- > 0;) {
      if (idle_[i]->origin() != origin) continue;
      std::unique_ptr<HttpConnection> connection = std::move(idle_[i]);
      idle_.erase(idle_.begin() + static_cast<ptrdiff_t>(i));
      if (!connection->Stale()) return connection;
    }
    return nullptr;
  }

  void Keep(std::unique_ptr<HttpConnection> connection) {
    std::lock_guard lock(mutex_);
    if (idle_.size() == kMaxIdleConnections) idle_.erase(idle_.begin());
    idle_.push_back(std::move(connection));
  }

  const HttpClientOptions options_;
  std::mutex mutex_;
  std::shared_ptr<TlsContext> tls_;
  std::vector<std::unique_ptr<HttpConnection>> idle_;  // longest idle first
};

HttpClient::HttpClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpClient::~HttpClient() = default;

absl::StatusOr<std::unique_ptr<HttpClient>> HttpClient::Create(HttpClientOptions options) {
  auto impl = std::make_unique<Impl>(std::move(options));
  RETURN_IF_ERROR(impl->Check());
  return std::unique_ptr<HttpClient>(new HttpClient(std::move(impl)));
}

absl::StatusOr<HttpResponse> HttpClient::Send(const HttpRequest& request) {
  return impl_->Send(request, nullptr, nullptr);
}

absl::StatusOr<HttpResponse> HttpClient::SendStreaming(const HttpRequest& request,
                                                       const OnBody& on_body,
                                                       const OnHead& on_head) {
  return impl_->Send(request, &on_body, &on_head);
}

}  // namespace nacre::net
