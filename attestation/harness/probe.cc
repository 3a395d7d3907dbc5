#include "attestation/harness/probe.h"

#include <chrono>

#include "base/strings.h"
#include "net/http_client.h"

namespace nacre::attestation::harness {

net::HttpClientOptions ClientOptions(const Target& target) {
  net::HttpClientOptions options;
  options.pinned_server_cert_pem = target.pinned_certificate_pem;
  options.trusted_ca_pem = target.trusted_ca_pem;
  options.allow_tls_1_2 = true;  // what a broker offers is for the cases to judge
  options.connect_timeout_ms = target.timeout_ms;
  options.idle_timeout_ms = target.timeout_ms;
  options.total_timeout_ms = target.timeout_ms;
  options.max_head = 256 << 10;
  options.user_agent = "nacre-attest";
  return options;
}

Probe::Probe(Target target, net::Url url, std::unique_ptr<net::HttpClient> http,
             std::unique_ptr<net::RawDialer> dialer)
    : target_(std::move(target)),
      url_(std::move(url)),
      http_(std::move(http)),
      dialer_(std::move(dialer)) {}
Probe::~Probe() = default;

absl::StatusOr<std::unique_ptr<Probe>> Probe::Create(const Target& target) {
  ASSIGN_OR_RETURN(net::Url url, net::ParseUrl(target.url), "broker URL");
  Target kept = target;
  while (kept.url.ends_with('/')) kept.url.pop_back();
  ASSIGN_OR_RETURN(auto http, net::HttpClient::Create(ClientOptions(target)));
  ASSIGN_OR_RETURN(auto dialer, net::RawDialer::Create(url, ClientOptions(target)));
  return std::unique_ptr<Probe>(
      new Probe(std::move(kept), std::move(url), std::move(http), std::move(dialer)));
}

Exchange Probe::Send(std::string_view method, std::string_view path, net::HttpHeaders headers,
                     std::string body) {
  Exchange exchange{.method = std::string(method),
                    .path = std::string(path),
                    .headers = std::move(headers),
                    .body = std::move(body)};
  net::HttpRequest request{.method = exchange.method,
                           .url = target_.url + exchange.path,
                           .headers = exchange.headers,
                           .body = exchange.body};
  if (!request.body.empty() && net::FindHeader(request.headers, "Content-Type").empty()) {
    request.headers.emplace_back("Content-Type", "application/json");
  }
  auto start = std::chrono::steady_clock::now();
  exchange.answer = http_->Send(request);
  auto took = std::chrono::steady_clock::now() - start;
  exchange.took_us = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
  return exchange;
}

}  // namespace nacre::attestation::harness
