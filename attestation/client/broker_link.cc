#include "attestation/client/broker_link.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "attestation/protocol/error_body.h"
#include "attestation/protocol/limits.h"
#include "crypto/random.h"
#include "net/url.h"

namespace nacre::attestation {
namespace {

constexpr int64_t kMaxBackoffMs = 10'000;
constexpr char kStranger[] = "nacre/not-the-broker";

}  // namespace

absl::StatusOr<std::unique_ptr<BrokerLink>> BrokerLink::Create(const KbsBroker& broker,
                                                               const KbsClientOptions& options) {
  ASSIGN_OR_RETURN(net::Url url, net::ParseUrl(broker.url), "broker URL");
  if (!url.tls()) return absl::InvalidArgumentError("broker URL: want https, not plain http");
  net::HttpClientOptions http;
  http.pinned_server_cert_pem = broker.pinned_server_cert_pem;
  http.pinned_public_key_pem = broker.pinned_public_key_pem;
  http.trusted_ca_pem = broker.trusted_ca_pem;
  http.proxy_url = options.proxy_url;
  http.connect_timeout_ms = options.connect_timeout_ms;
  http.total_timeout_ms = options.request_timeout_ms;
  http.idle_timeout_ms = options.request_timeout_ms;
  http.max_body = 2 * kMaxMessageSize;  // a resource grows by a third inside its JWE
  ASSIGN_OR_RETURN(std::unique_ptr<net::HttpClient> client,
                   net::HttpClient::Create(std::move(http)));
  std::string text = url.ToString();
  while (text.ends_with('/')) text.pop_back();
  return std::unique_ptr<BrokerLink>(new BrokerLink(std::move(text), std::move(client)));
}

absl::StatusOr<net::HttpResponse> BrokerLink::Send(std::string_view method, std::string_view path,
                                                   net::HttpHeaders headers, std::string body) {
  net::HttpRequest request;
  request.method = std::string(method);
  request.url = url_ + std::string(path);
  request.headers = std::move(headers);
  if (!body.empty()) request.headers.emplace_back("Content-Type", "application/json");
  request.body = std::move(body);
  absl::StatusOr<net::HttpResponse> response = http_->Send(request);
  if (response.ok()) return response;
  absl::Status failed = Annotate(response.status(), "key broker");
  // The only such error of the HTTP client is about TLS.
  if (absl::IsUnauthenticated(failed)) failed.SetPayload(kStranger, absl::Cord());
  return failed;
}

absl::Status BrokerLink::RefusalStatus(std::string_view what,
                                       const net::HttpResponse& response) const {
  std::string message = std::string(what) + " refused by " + url_ + ": ";
  auto error = ParseErrorBody(response.body);
  if (!error.ok()) {
    return RefusalError(response.status,
                        message + "HTTP status " + std::to_string(response.status));
  }
  message += error->code.empty() ? error->detail : error->code;
  if (!error->correlation_id.empty()) message += " (id " + error->correlation_id + ")";
  return RefusalError(response.status, message);
}

bool IsTransportError(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
}

bool IsStranger(const absl::Status& status) { return status.GetPayload(kStranger).has_value(); }

void BackOff(int attempt, int64_t first_backoff_ms) {
  int64_t whole_ms = std::min(first_backoff_ms << std::min(attempt - 1, 10), kMaxBackoffMs);
  Bytes random = crypto::RandomBytes(2);
  int64_t part = random[0] * 256 + random[1];  // 0..65535
  int64_t wait_ms = whole_ms / 2 + whole_ms * part / (2 * 65'536);
  std::this_thread::sleep_for(std::chrono::milliseconds(wait_ms));
}

}  // namespace nacre::attestation
