// One key broker as the harness meets it: requests through the HTTP client, each with what was
// sent, what came back and how long it took, and raw connections for what no client would send.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"
#include "net/http_message.h"
#include "net/raw_connection.h"

namespace nacre::net {
class HttpClient;
struct HttpClientOptions;
}  // namespace nacre::net

namespace nacre::attestation::harness {

// Where the broker is and how it is known. At most one of the two certificates may be set; with
// neither, the system's roots decide. Plain http is taken, since some brokers under test have it.
struct Target {
  std::string url{};  // "https://127.0.0.1:8080"
  std::string pinned_certificate_pem{};
  std::string trusted_ca_pem{};
  int64_t timeout_ms = 20'000;  // of one request
};

struct Exchange {
  std::string method{};
  std::string path{};  // with the query
  net::HttpHeaders headers{};
  std::string body{};
  absl::StatusOr<net::HttpResponse> answer = absl::UnknownError("not sent");
  int64_t took_us = 0;
};

// Thread-safe.
class Probe {
 public:
  static absl::StatusOr<std::unique_ptr<Probe>> Create(const Target& target);
  ~Probe();

  // `path` is put behind the URL as it is. JSON is announced as such.
  Exchange Send(std::string_view method, std::string_view path, net::HttpHeaders headers = {},
                std::string body = "");

  const Target& target() const { return target_; }
  const net::Url& url() const { return url_; }
  const net::RawDialer& dialer() const { return *dialer_; }

 private:
  Probe(Target target, net::Url url, std::unique_ptr<net::HttpClient> http,
        std::unique_ptr<net::RawDialer> dialer);
  Target target_;
  net::Url url_;
  std::unique_ptr<net::HttpClient> http_;
  std::unique_ptr<net::RawDialer> dialer_;
};

// Trust of a target as options of net/.
net::HttpClientOptions ClientOptions(const Target& target);

}  // namespace nacre::attestation::harness
