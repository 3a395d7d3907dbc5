// One connection of the HTTP server, from accept to close. Lives on the server's I/O thread.
#pragma once

#include <boost/beast/core/flat_buffer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "net/asio.h"
#include "net/http_server.h"
#include "net/tls_context.h"

namespace nacre::net {

class HttpSession {
 public:
  // Runs the handler elsewhere and comes back with its answer.
  using Dispatch = std::function<asio::awaitable<HttpResponse>(HttpServerRequest)>;

  // `tls` is null for plain HTTP. `options` and `dispatch` outlive the session.
  HttpSession(Socket socket, std::shared_ptr<TlsContext> tls, const HttpServerOptions& options,
              const Dispatch& dispatch);

  // Serves requests until either side closes. The session must stay alive as long.
  asio::awaitable<void> Run();

  // No further request: closes at once when idle, else after the answer under way.
  void Drain();
  // Closes now, whatever is under way.
  void Abort();

  // Between two requests, and since when.
  bool idle() const { return idle_; }
  Clock::time_point idle_since() const { return idle_since_; }

 private:
  template <typename Stream>
  asio::awaitable<void> Serve(Stream& stream);
  template <typename Stream>
  asio::awaitable<bool> WaitForRequest(Stream& stream);
  template <typename Stream>
  asio::awaitable<bool> ServeOne(Stream& stream);
  template <typename Stream, typename ParserType>
  asio::awaitable<ErrorCode> ReadHead(Stream& stream, ParserType& parser, size_t* size);
  template <typename Stream, typename ParserType>
  asio::awaitable<ErrorCode> ReadBody(Stream& stream, ParserType& parser);
  template <typename Stream>
  asio::awaitable<void> RefuseUnread(Stream& stream, ErrorCode error, bool began);
  template <typename Stream>
  asio::awaitable<void> Refuse(Stream& stream, int status, std::string why);
  template <typename Stream>
  asio::awaitable<bool> Write(Stream& stream, HttpResponse response, unsigned version,
                              bool head_only, bool keep_alive);
  template <typename Stream>
  asio::awaitable<void> Linger(Stream& stream);

  Socket socket_;
  Deadline deadline_;
  std::shared_ptr<TlsContext> context_;
  std::optional<TlsStream> tls_;  // over socket_
  PeerCertificate client_;
  const HttpServerOptions& options_;
  const Dispatch& dispatch_;
  const std::string peer_;
  boost::beast::flat_buffer buffer_;
  bool draining_ = false;
  bool idle_ = false;
  Clock::time_point idle_since_;
};

}  // namespace nacre::net
