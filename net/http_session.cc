// The clock of a connection: the TLS handshake and the first head share one deadline; a body, an
// answer and the wait for a further request have one each. All are absolute, so that a client which
// sends one byte at a time gains nothing. A client that is refused gets a line of text and, because
// it may still be sending, a short while in which its bytes are read and dropped: closing at once
// would reset the connection and lose the answer.

#include "net/http_session.h"

#include <boost/beast/http.hpp>

#include "absl/strings/ascii.h"
#include "base/bytes.h"
#include "base/strings.h"
#include "net/url.h"

namespace nacre::net {
namespace {

namespace http = boost::beast::http;
using Parser = http::request_parser<http::string_body>;

constexpr int64_t kLingerMs = 1'000;
constexpr size_t kLingerBytes = 4 << 20;
constexpr size_t kReadSize = 4096;  // from the network at once

std::string PeerName(const Socket& socket) {
  ErrorCode error;
  Tcp::endpoint peer = socket.remote_endpoint(error);
  if (error) return "unknown";
  std::string address = peer.address().to_string();
  return peer.address().is_v6() ? StrCat("[", address, "]:", peer.port())
                                : StrCat(address, ":", peer.port());
}

bool IsHttp(ErrorCode error) {
  return error.category() == http::make_error_code(http::error::bad_version).category();
}

// Path and query of the request target; false for the forms this server has no use for.
bool SplitTarget(std::string target, HttpServerRequest* request) {
  if (target.starts_with("http://") || target.starts_with("https://")) {
    absl::StatusOr<Url> url = ParseUrl(target);
    if (!url.ok()) return false;
    target = url->target;
  }
  bool printable = std::all_of(target.begin(), target.end(), [](char c) {
    return absl::ascii_isgraph(static_cast<unsigned char>(c)) && c != '#';
  });
  if (!printable || !target.starts_with("/")) return false;
  size_t mark = std::min(target.find('?'), target.size());
  request->path = target.substr(0, mark);
  if (mark < target.size()) request->query = target.substr(mark + 1);
  return true;
}

// What Beast's parser lets pass and this server does not. 0 when all is well.
int CheckHead(const Parser& parser, HttpServerRequest* request, std::string* why) {
  const auto& message = parser.get();
  if (message.version() == 11 && message.count(http::field::host) != 1) {
    *why = "exactly one Host header is needed";
    return 400;
  }
  auto encoding = message.find(http::field::transfer_encoding);
  if (encoding != message.end() && !parser.chunked()) {
    *why = "the only transfer encoding known is chunked";
    return 501;
  }
  if (!SplitTarget(std::string(message.target()), request)) {
    *why = "the request target is not a path";
    return 400;
  }
  return 0;
}

bool HasBody(int status) { return status / 100 != 1 && status != 204 && status != 304; }

http::response<http::string_body> ToMessage(HttpResponse response, unsigned version,
                                            bool head_only) {
  http::response<http::string_body> message;
  message.version(version);
  message.result(static_cast<unsigned>(response.status));
  for (const auto& [name, value] : response.headers) message.insert(name, value);
  message.erase(http::field::content_length);
  message.erase(http::field::transfer_encoding);
  if (HasBody(response.status)) {
    message.content_length(response.body.size());
    if (!head_only) message.body() = std::move(response.body);
  }
  return message;
}

bool CanBeSent(const HttpResponse& response) {
  if (response.status < 200 || response.status > 599) return false;
  return std::all_of(response.headers.begin(), response.headers.end(), [](const auto& header) {
    return IsValidToken(header.first) && IsValidHeaderValue(header.second);
  });
}

}  // namespace

HttpSession::HttpSession(Socket socket, std::shared_ptr<TlsContext> tls,
                         const HttpServerOptions& options, const Dispatch& dispatch)
    : socket_(std::move(socket)),
      deadline_(socket_),
      context_(std::move(tls)),
      options_(options),
      dispatch_(dispatch),
      peer_(PeerName(socket_)) {
  ErrorCode ignored;
  socket_.set_option(Tcp::no_delay(true), ignored);
}

void HttpSession::Drain() {
  draining_ = true;
  ErrorCode ignored;
  if (idle_) socket_.cancel(ignored);
}

void HttpSession::Abort() {
  draining_ = true;
  ErrorCode ignored;
  socket_.close(ignored);
}

asio::awaitable<void> HttpSession::Run() {
  deadline_.ArmFor(options_.head_timeout_ms);
  if (context_ == nullptr) {
    co_await Serve(socket_);
  } else {
    tls_.emplace(socket_, *context_);
    auto [error] = co_await tls_->async_handshake(asio::ssl::stream_base::server, kAwait);
    if (!error) {
      if (!options_.client_ca_pem.empty()) client_ = PeerCertificateOf(tls_->native_handle());
      co_await Serve(*tls_);
      // close_notify, so that the client can tell the end from a cut.
      deadline_.ArmFor(kLingerMs);
      if (socket_.is_open()) SSL_set_shutdown(tls_->native_handle(), SSL_RECEIVED_SHUTDOWN);
      if (socket_.is_open()) co_await tls_->async_shutdown(kAwait);
    }
  }
  deadline_.Disarm();
  ErrorCode ignored;
  socket_.close(ignored);
}

template <typename Stream>
asio::awaitable<void> HttpSession::Serve(Stream& stream) {
  bool begun = co_await WaitForRequest(stream);
  while (begun) {
    // On a line of its own: GCC 12 awaits wrongly inside && and ||.
    bool keep = co_await ServeOne(stream);
    if (!keep) break;
    deadline_.ArmFor(options_.idle_timeout_ms);
    if (buffer_.size() == 0) begun = co_await WaitForRequest(stream);
    deadline_.ArmFor(options_.head_timeout_ms);
  }
}

template <typename Stream>
asio::awaitable<bool> HttpSession::WaitForRequest(Stream& stream) {
  if (draining_) co_return false;
  idle_ = true;
  idle_since_ = Clock::now();
  auto [error, size] = co_await stream.async_read_some(buffer_.prepare(kReadSize), kAwait);
  idle_ = false;
  buffer_.commit(size);
  co_return !error;
}

template <typename Stream>
asio::awaitable<bool> HttpSession::ServeOne(Stream& stream) {
  Parser parser;
  parser.header_limit(options_.max_head);
  parser.body_limit(options_.max_body);
  buffer_.reserve(kReadSize);  // Beast reads as much at once as there is room for
  size_t size = 0;
  ErrorCode error = co_await ReadHead(stream, parser, &size);
  // The parser counts its limit by lines; here it is exact.
  if (!error && size > options_.max_head) error = http::error::header_limit;
  if (error) {
    co_await RefuseUnread(stream, error, parser.got_some());
    co_return false;
  }
  HttpServerRequest request;
  std::string why;
  int refused = CheckHead(parser, &request, &why);
  if (refused != 0) {
    co_await Refuse(stream, refused, why);
    co_return false;
  }
  request.method = std::string(parser.get().method_string());
  request.peer = peer_;
  request.client_certificate_sha256 = client_.sha256;
  request.client_subject = client_.subject;
  // Taken before the body is read: trailers of a chunked body are no headers.
  for (const auto& field : parser.get()) {
    request.headers.emplace_back(field.name_string(), field.value());
  }
  ErrorCode unread = co_await ReadBody(stream, parser);
  if (unread) {
    co_await RefuseUnread(stream, unread, true);
    co_return false;
  }
  request.body = std::move(parser.get().body());
  unsigned version = parser.get().version();
  bool head_only = request.method == "HEAD";
  bool keep_alive = parser.keep_alive();
  deadline_.Disarm();
  HttpResponse response = co_await dispatch_(std::move(request));
  co_return co_await Write(stream, std::move(response), version, head_only,
                           keep_alive && !draining_);
}

// As http::async_read_header; but that lets what Beast throws (a header of more than 64 KiB does
// not fit its tables) out of the I/O thread, which ends the program.
template <typename Stream, typename ParserType>
asio::awaitable<ErrorCode> HttpSession::ReadHead(Stream& stream, ParserType& parser, size_t* size) {
  for (;;) {
    if (buffer_.size() > 0) {
      ErrorCode error;
      try {
        size_t used = parser.put(buffer_.data(), error);
        buffer_.consume(used);
        *size += used;
      } catch (const std::exception&) {
        error = http::error::header_limit;
      }
      if (error && error != http::error::need_more) co_return error;
      if (parser.is_header_done()) co_return ErrorCode();
    }
    auto [failed, got] = co_await stream.async_read_some(buffer_.prepare(kReadSize), kAwait);
    buffer_.commit(got);
    if (failed == asio::error::eof) {
      co_return parser.got_some() ? http::error::partial_message : http::error::end_of_stream;
    }
    if (failed) co_return failed;
  }
}

template <typename Stream, typename ParserType>
asio::awaitable<ErrorCode> HttpSession::ReadBody(Stream& stream, ParserType& parser) {
  if (parser.is_done()) co_return ErrorCode();
  deadline_.ArmFor(options_.body_timeout_ms);
  if (boost::beast::iequals(parser.get()[http::field::expect], "100-continue")) {
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    auto [error, size] = co_await asio::async_write(stream, asio::buffer(kContinue), kAwait);
    if (error) co_return error;
  }
  auto [error, size] = co_await http::async_read(stream, buffer_, parser, kAwait);
  co_return error;
}

template <typename Stream>
asio::awaitable<void> HttpSession::RefuseUnread(Stream& stream, ErrorCode error, bool began) {
  if (deadline_.fired()) {
    if (began) co_await Refuse(stream, 408, "the request took too long to arrive");
  } else if (error == http::error::header_limit) {
    co_await Refuse(stream, 431, StrCat("the head is larger than ", options_.max_head, " bytes"));
  } else if (error == http::error::body_limit) {
    co_await Refuse(stream, 413, StrCat("the body is larger than ", options_.max_body, " bytes"));
  } else if (IsHttp(error) && error != http::error::end_of_stream &&
             error != http::error::partial_message) {
    co_await Refuse(stream, 400, "not an HTTP request: " + error.message());
  }
}

template <typename Stream>
asio::awaitable<void> HttpSession::Refuse(Stream& stream, int status, std::string why) {
  HttpResponse response = options_.refusal
                              ? options_.refusal(status, why)
                              : MakeResponse(status, "text/plain", std::move(why) + "\n");
  co_await Write(stream, std::move(response), 11, false, false);
  co_await Linger(stream);
}

template <typename Stream>
asio::awaitable<bool> HttpSession::Write(Stream& stream, HttpResponse response, unsigned version,
                                         bool head_only, bool keep_alive) {
  if (!CanBeSent(response)) {
    response = MakeResponse(500, "text/plain", "the answer has an invalid status or header\n");
  }
  auto message = ToMessage(std::move(response), version, head_only);
  keep_alive = keep_alive && message.keep_alive();
  message.keep_alive(keep_alive);
  deadline_.ArmFor(options_.write_timeout_ms);
  auto [error, size] = co_await http::async_write(stream, message, kAwait);
  co_return !error && keep_alive;
}

template <typename Stream>
asio::awaitable<void> HttpSession::Linger(Stream& stream) {
  deadline_.ArmFor(kLingerMs);
  ErrorCode ignored;
  if (!tls_) socket_.shutdown(Socket::shutdown_send, ignored);
  std::array<char, 4096> sink;
  for (size_t dropped = 0; dropped < kLingerBytes;) {
    auto [error, size] = co_await stream.async_read_some(asio::buffer(sink), kAwait);
    if (error) break;
    dropped += size;
  }
}

}  // namespace nacre::net
