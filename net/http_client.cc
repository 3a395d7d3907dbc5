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
  Impl(HttpClientOptions options, std::shared_ptr<TlsContext> tls)
      : options_(std::move(options)), tls_(std::move(tls)) {}

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
    ASSIGN_OR_RETURN(connection, HttpConnection::Open(exchange, *tls_));
    bool silent = false;
    return RunOn(std::move(connection), exchange, &silent);
  }

 private:
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
  const std::shared_ptr<TlsContext> tls_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<HttpConnection>> idle_;  // longest idle first
};

HttpClient::HttpClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpClient::~HttpClient() = default;

absl::StatusOr<std::unique_ptr<HttpClient>> HttpClient::Create(HttpClientOptions options) {
  ASSIGN_OR_RETURN(std::shared_ptr<TlsContext> tls, MakeClientTls(options));
  return std::unique_ptr<HttpClient>(
      new HttpClient(std::make_unique<Impl>(std::move(options), std::move(tls))));
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
