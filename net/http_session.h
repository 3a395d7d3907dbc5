// One connection of the HTTP server, from accept to close. Lives on the server's I/O thread.
#pragma once

#include <boost/beast/core/flat_buffer.hpp>
#include <functional>
#include <memory>
#include <string>

#include "net/asio.h"
#include "net/http_server.h"
#include "net/server_stream.h"
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
  asio::awaitable<void> Serve();
  asio::awaitable<bool> WaitForRequest();
  asio::awaitable<bool> ServeOne();
  template <typename ParserType>
  asio::awaitable<ErrorCode> ReadHead(ParserType& parser, size_t* size);
  template <typename ParserType>
  asio::awaitable<ErrorCode> ReadBody(ParserType& parser);
  asio::awaitable<ErrorCode> Fill(size_t size);
  asio::awaitable<void> RefuseUnread(ErrorCode error, bool began);
  asio::awaitable<void> Refuse(int status, std::string why);
  asio::awaitable<bool> Write(HttpResponse response, unsigned version, bool head_only,
                              bool keep_alive);
  asio::awaitable<void> Linger();

  ServerStream stream_;
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
