// One connection of the HTTP client: opened, used for one exchange at a time, kept or dropped.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <memory>
#include <optional>

#include "net/asio.h"
#include "net/http_client.h"
#include "net/tls_context.h"
#include "net/url.h"

namespace nacre::net {

// What one Send is about.
struct HttpExchange {
  const HttpRequest& request;
  const Url& url;
  const HttpClientOptions& options;
  Clock::time_point end;  // of the total timeout
  const HttpClient::OnBody* on_body = nullptr;
  const HttpClient::OnHead* on_head = nullptr;
};

class HttpConnection {
 public:
  // TCP and, for https, TLS to the server of the URL. `tls` may be null for http.
  static absl::StatusOr<std::unique_ptr<HttpConnection>> Open(
      const HttpExchange& exchange, const std::shared_ptr<TlsContext>& tls);

  absl::StatusOr<HttpResponse> Run(const HttpExchange& exchange);

  const std::string& origin() const { return origin_; }
  // After Run: the answer was whole and the server keeps the connection open.
  bool reusable() const { return reusable_; }
  // After Run failed: not one byte of an answer had come.
  bool silent() const { return !received_; }
  // The server closed it (or said something unasked) while it lay idle.
  bool Stale();

 private:
  explicit HttpConnection(const Url& url)
      : origin_(url.Origin()), peer_(url.HostPort()), socket_(io_), deadline_(socket_) {}
  // Runs the coroutine to its end on this thread.
  absl::Status Drive(asio::awaitable<absl::Status> work);

  asio::awaitable<absl::Status> Connect(const HttpExchange& exchange,
                                        const std::shared_ptr<TlsContext>& tls);
  asio::awaitable<absl::Status> Dial(const HttpExchange& exchange, const Url& url);
  asio::awaitable<absl::Status> Tunnel(const HttpExchange& exchange);
  asio::awaitable<absl::Status> Handshake(const Url& url, const std::shared_ptr<TlsContext>& tls);
  template <typename Stream>
  asio::awaitable<absl::Status> Converse(Stream& stream, const HttpExchange& exchange,
                                         HttpResponse* response);
  template <typename Stream>
  asio::awaitable<ErrorCode> Write(Stream& stream, const HttpExchange& exchange);
  template <typename Stream, typename ParserType>
  asio::awaitable<absl::Status> ReadHead(Stream& stream, const HttpExchange& exchange,
                                         std::optional<ParserType>& parser);
  template <typename Stream, typename ParserType>
  asio::awaitable<absl::Status> ReadBody(Stream& stream, const HttpExchange& exchange,
                                         ParserType& parser, HttpResponse* response);
  template <typename Stream>
  asio::awaitable<absl::Status> StreamBody(Stream& stream, const HttpExchange& exchange,
                                           uint64_t left);

  void ArmIdle(const HttpExchange& exchange);
  absl::Status Explain(ErrorCode error, const HttpExchange& exchange, std::string_view doing);
  absl::Status TimedOut(const HttpExchange& exchange, std::string_view doing, int64_t limit_ms);

  std::string origin_;
  std::string peer_;  // "host:port" for errors
  asio::io_context io_{1};
  Socket socket_;
  Deadline deadline_;
  std::shared_ptr<TlsContext> context_;
  std::optional<TlsStream> tls_;  // over socket_
  boost::beast::flat_buffer buffer_;
  bool reusable_ = false;
  bool received_ = false;
};

}  // namespace nacre::net
