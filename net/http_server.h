// A small HTTP/1.1 server, plain or TLS 1.3. One thread does all input and output without ever
// waiting for one client, so a slow client costs a timer; a few more threads run the handler.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/secret_bytes.h"
#include "base/status.h"
#include "net/http_message.h"

namespace nacre::net {

struct HttpServerRequest {
  std::string method;   // "GET", any token a client sends
  std::string path;     // starts with '/', still percent-encoded, without the query
  std::string query;    // after '?', still percent-encoded; see ParseQuery in url.h
  HttpHeaders headers;  // as sent
  std::string body;
  std::string peer;  // "10.0.2.2:51234", "[::1]:51234"
  // Of the TLS client certificate, when one was asked for and given; it leads to client_ca_pem.
  std::string client_certificate_sha256 = {};  // of its DER, lower-case hex
  std::string client_subject = {};             // RFC 2253: "CN=ci,O=team"

  std::string_view Header(std::string_view name) const { return FindHeader(headers, name); }
};

struct HttpServerOptions {
  std::string address = "127.0.0.1";           // an IP address; "0.0.0.0" or "::" for all
  uint16_t port = 0;                           // 0 = any free one, see port()
  std::string tls_certificate_chain_pem = "";  // leaf first; with the key set, TLS 1.3 only
  SecretBytes tls_private_key_pem = {};        // both empty = plain HTTP
  // Roots of client certificates. Clients are asked for one and may have none; one that does not
  // lead to a root ends the handshake. Empty: none is asked for.
  std::string client_ca_pem = "";
  // What a request is answered that never reaches the handler: 400, 408, 413, 431, 501. A line of
  // text by default.
  std::function<HttpResponse(int status, std::string_view why)> refusal = {};

  // Asked first, on the I/O thread, which spares a request two changes of threads: the answer, or
  // nothing for a request that has to wait for disk or network, or takes long; it goes to the
  // handler. None by default.
  std::function<std::optional<HttpResponse>(const HttpServerRequest&)> first_try = {};

  int handler_threads = 2;
  uint32_t max_connections = 256;     // more wait in the listen queue; idle ones make room
  uint32_t max_head = 16 << 10;       // request line and headers; more is answered 431
  uint64_t max_body = 1 << 20;        // more is answered 413
  int64_t head_timeout_ms = 10'000;   // TLS handshake, then first to last byte of the head (408)
  int64_t body_timeout_ms = 30'000;   // end of the head to end of the body (408)
  int64_t write_timeout_ms = 30'000;  // a whole response
  int64_t idle_timeout_ms = 60'000;   // between two requests of a kept connection
  int64_t drain_timeout_ms = 5'000;   // what Stop() grants to requests under way
};

// The way back of an answer, for a handler that gives it later. Copies are the same way; when the
// last of them goes unused, the answer is 500.
class HttpReply {
 public:
  // From any thread, once; what comes later is dropped. The request is gone then.
  void Send(HttpResponse response) const { way_->Send(std::move(response)); }

 private:
  friend class HttpServer;
  class Way {
   public:
    virtual ~Way() = default;
    virtual void Send(HttpResponse response) = 0;
  };
  explicit HttpReply(std::shared_ptr<Way> way) : way_(std::move(way)) {}
  std::shared_ptr<Way> way_;
};

class HttpServer {
 public:
  // Runs on a handler thread, several at a time. An exception is answered with 500.
  using Handler = std::function<HttpResponse(const HttpServerRequest&)>;
  // The same, but its thread is free when it returns; the request stays until it is answered.
  using LateHandler = std::function<void(const HttpServerRequest&, const HttpReply&)>;
  using FirstTry = decltype(HttpServerOptions::first_try);

  // Listens and serves until Stop(). kInvalidArgument for a bad address, certificate or key, or a
  // pair that does not match; kUnavailable "listening on 127.0.0.1:8080: Address already in use".
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(HttpServerOptions options,
                                                           Handler handler);
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(HttpServerOptions options,
                                                           LateHandler handler);
  ~HttpServer();  // Stop()
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  uint16_t port() const;
  // "http://127.0.0.1:41234" or "https://...".
  std::string url() const;

  // New connections use this certificate; the present ones keep theirs. On error nothing changes.
  absl::Status ReloadCertificate(std::string_view certificate_chain_pem,
                                 const SecretBytes& private_key_pem);

  // Takes no new connection, lets requests under way finish (drain_timeout_ms), closes the rest and
  // joins the threads. Not from a handler. Twice is harmless.
  void Stop();

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace nacre::net
