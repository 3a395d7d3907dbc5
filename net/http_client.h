// A small HTTP/1.1 client: http and https, keep-alive, everything bounded. It starts no thread: a
// request runs on the thread that calls Send. Redirects are returned, never followed: the caller
// knows which headers may travel (see ResolveUrl in url.h).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/status.h"
#include "net/http_message.h"

namespace nacre::net {

struct HttpClientOptions {
  // Whom an https server must be. At most one of the three may be set; with none, the system's
  // roots and the name in the URL decide.
  //   trusted_ca_pem: one or more root certificates; the chain, the dates and the host name or IP
  //     address in the URL (subject alternative names) are checked.
  //   pinned_server_cert_pem: the server's own certificate, which must be equal byte for byte;
  //     names, dates and issuers do not matter then.
  //   pinned_public_key_pem: the server's public key ("PUBLIC KEY"), whatever certificate carries
  //     it: it outlives a renewed certificate. Names, dates and issuers do not matter either.
  std::string trusted_ca_pem = "";
  std::string pinned_server_cert_pem = "";
  std::string pinned_public_key_pem = "";
  bool allow_tls_1_2 = false;  // TLS 1.3 otherwise; public registries may need it

  // "http://proxy:3128": every connection goes through it, by CONNECT (RFC 9110 section 9.3.6), so
  // that it sees of https no more than the server's name. Empty: none; nothing is read from the
  // environment.
  std::string proxy_url = "";

  int64_t connect_timeout_ms = 10'000;  // TCP and TLS handshake together, per address tried
  int64_t idle_timeout_ms = 30'000;     // longest silence while sending or receiving
  int64_t total_timeout_ms = 60'000;    // the whole of one Send; 0 = no limit (large downloads)

  uint64_t max_head = 64 << 10;             // status line and headers
  uint64_t max_body = 16 << 20;             // a body kept in memory
  uint64_t max_streamed_body = 1ull << 40;  // a body handed to on_body
  std::string user_agent = "nacre";
};

// Thread-safe: calls from several threads run side by side, each on its own connection; idle
// connections (at most 8) are kept and used again.
class HttpClient {
 public:
  // Looks at `head` (its body is empty) before any body byte; an error ends the exchange.
  using OnHead = std::function<absl::Status(const HttpResponse& head)>;
  // Takes the next bytes of the body; an error ends the exchange and is returned as it is.
  using OnBody = std::function<absl::Status(ByteView)>;

  // kInvalidArgument when a certificate or the proxy's URL does not parse, or several kinds of
  // trust are set.
  static absl::StatusOr<std::unique_ptr<HttpClient>> Create(HttpClientOptions options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Any status the server answers with is a result, not an error. Errors are one line and name
  // the peer ("connecting to 127.0.0.1:5000: Connection refused"):
  //   kInvalidArgument    the URL, the method or a header cannot be sent
  //   kUnavailable        no address, no connection, or it broke before the answer was whole
  //   kUnauthenticated    the server is not whom the options ask for, or TLS failed
  //   kDeadlineExceeded   one of the three timeouts
  //   kResourceExhausted  the head or the body is larger than allowed
  //   kDataLoss           what came is not HTTP, or ended early
  // A request whose kept connection turns out closed is sent once more on a fresh one when its
  // method is idempotent. Name lookup is the system's and blocks for as long as that does.
  absl::StatusOr<HttpResponse> Send(const HttpRequest& request);

  // As Send, but the body of a 2xx answer goes to `on_body` piece by piece and the result's body is
  // empty. The body of any other answer is kept in the result, cut at 64 KiB.
  absl::StatusOr<HttpResponse> SendStreaming(const HttpRequest& request, const OnBody& on_body,
                                             const OnHead& on_head = nullptr);

 private:
  class Impl;
  explicit HttpClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace nacre::net
