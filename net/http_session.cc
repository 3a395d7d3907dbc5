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
constexpr size_t kReadSize = 4096;  // of a head, from the network at once
constexpr size_t kBodyReadSize = 16 << 10;

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

bool IsFraming(std::string_view name) {
  return boost::beast::iequals(name, "Content-Length") ||
         boost::beast::iequals(name, "Transfer-Encoding") ||
         boost::beast::iequals(name, "Connection");
}

bool HasBody(int status) { return status / 100 != 1 && status != 204 && status != 304; }

// The framing of the answer is this server's own business: what the handler says of it is left out.
std::string ToText(const HttpResponse& response, unsigned version, bool head_only,
                   bool keep_alive) {
  std::string text = StrCat(version == 11 ? "HTTP/1.1 " : "HTTP/1.0 ", response.status, " ");
  const auto reason =
      http::obsolete_reason(http::int_to_status(static_cast<unsigned>(response.status)));
  text.append(reason.data(), reason.size()).append("\r\n");
  for (const auto& [name, value] : response.headers) {
    if (IsFraming(name)) continue;
    text.append(name).append(": ").append(value).append("\r\n");
  }
  if (version == 11 && !keep_alive) text += "Connection: close\r\n";
  if (HasBody(response.status)) StrAppend(&text, "Content-Length: ", response.body.size(), "\r\n");
  text += "\r\n";
  if (HasBody(response.status) && !head_only) text += response.body;
  return text;
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
    : stream_(std::move(socket), std::move(tls)),
      options_(options),
      dispatch_(dispatch),
      peer_(PeerName(stream_.socket())) {}

void HttpSession::Drain() {
  draining_ = true;
  if (idle_) stream_.Cancel();
}

void HttpSession::Abort() {
  draining_ = true;
  stream_.Close();
}

asio::awaitable<void> HttpSession::Run() {
  stream_.ExpireAfter(options_.head_timeout_ms);
  const ErrorCode error = co_await stream_.Handshake();
  if (!error) {
    if (!options_.client_ca_pem.empty()) client_ = PeerCertificateOf(stream_.ssl());
    co_await Serve();
    // So that the client can tell the end from a cut.
    stream_.ExpireAfter(kLingerMs);
    co_await stream_.FinishSending();
  }
  stream_.Close();
}

asio::awaitable<void> HttpSession::Serve() {
  bool begun = co_await WaitForRequest();
  while (begun) {
    // On a line of its own: GCC 12 awaits wrongly inside && and ||.
    bool keep = co_await ServeOne();
    if (!keep) break;
    stream_.ExpireAfter(options_.idle_timeout_ms);
    if (buffer_.size() == 0) {
      begun = co_await WaitForRequest();
    } else {
      co_await stream_.Yield();
    }
    stream_.ExpireAfter(options_.head_timeout_ms);
  }
}

// While it waits, the connection has no buffer.
asio::awaitable<bool> HttpSession::WaitForRequest() {
  idle_ = true;
  idle_since_ = Clock::now();
  std::optional<ServerStream::Got> got;
  while (!got && !draining_) {
    buffer_ = {};
    const ErrorCode error = co_await stream_.WaitForInput();
    if (error) break;
    const auto room = buffer_.prepare(kReadSize);
    got = stream_.TryRead({static_cast<char*>(room.data()), room.size()});
  }
  idle_ = false;
  if (!got || got->error) co_return false;
  buffer_.commit(got->size);
  co_return true;
}

asio::awaitable<bool> HttpSession::ServeOne() {
  Parser parser;
  parser.header_limit(options_.max_head);
  parser.body_limit(options_.max_body);
  size_t size = 0;
  ErrorCode error = co_await ReadHead(parser, &size);
  // The parser counts its limit by lines; here it is exact.
  if (!error && size > options_.max_head) error = http::error::header_limit;
  if (error) {
    co_await RefuseUnread(error, parser.got_some());
    co_return false;
  }
  HttpServerRequest request;
  std::string why;
  int refused = CheckHead(parser, &request, &why);
  if (refused != 0) {
    co_await Refuse(refused, why);
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
  ErrorCode unread = co_await ReadBody(parser);
  if (unread) {
    co_await RefuseUnread(unread, true);
    co_return false;
  }
  request.body = std::move(parser.get().body());
  unsigned version = parser.get().version();
  bool head_only = request.method == "HEAD";
  bool keep_alive = parser.keep_alive();
  stream_.NeverExpire();
  HttpResponse response = co_await dispatch_(std::move(request));
  co_return co_await Write(std::move(response), version, head_only, keep_alive && !draining_);
}

// More into the buffer, at most `size` bytes.
asio::awaitable<ErrorCode> HttpSession::Fill(size_t size) {
  const auto room = buffer_.prepare(size);
  const auto got = co_await stream_.Read({static_cast<char*>(room.data()), room.size()});
  buffer_.commit(got.size);
  co_return got.error;
}

// As http::async_read_header; but that lets what Beast throws (a header of more than 64 KiB does
// not fit its tables) out of the I/O thread, which ends the program.
template <typename ParserType>
asio::awaitable<ErrorCode> HttpSession::ReadHead(ParserType& parser, size_t* size) {
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
    const ErrorCode failed = co_await Fill(kReadSize);
    if (failed == asio::error::eof) {
      co_return parser.got_some() ? http::error::partial_message : http::error::end_of_stream;
    }
    if (failed) co_return failed;
  }
}

template <typename ParserType>
asio::awaitable<ErrorCode> HttpSession::ReadBody(ParserType& parser) {
  if (parser.is_done()) co_return ErrorCode();
  stream_.ExpireAfter(options_.body_timeout_ms);
  if (boost::beast::iequals(parser.get()[http::field::expect], "100-continue")) {
    const ErrorCode error = co_await stream_.Write("HTTP/1.1 100 Continue\r\n\r\n");
    if (error) co_return error;
  }
  parser.eager(true);
  while (!parser.is_done()) {
    ErrorCode error;
    size_t used = 0;
    try {
      if (buffer_.size() > 0) used = parser.put(buffer_.data(), error);
    } catch (const std::exception&) {
      error = http::error::bad_chunk_extension;
    }
    buffer_.consume(used);
    if (error && error != http::error::need_more) co_return error;
    if (used > 0 || parser.is_done()) continue;
    error = co_await Fill(kBodyReadSize);
    if (error == asio::error::eof) co_return http::error::partial_message;
    if (error) co_return error;
  }
  co_return ErrorCode();
}

asio::awaitable<void> HttpSession::RefuseUnread(ErrorCode error, bool began) {
  if (stream_.expired()) {
    if (began) co_await Refuse(408, "the request took too long to arrive");
  } else if (error == http::error::header_limit) {
    co_await Refuse(431, StrCat("the head is larger than ", options_.max_head, " bytes"));
  } else if (error == http::error::body_limit) {
    co_await Refuse(413, StrCat("the body is larger than ", options_.max_body, " bytes"));
  } else if (IsHttp(error) && error != http::error::end_of_stream &&
             error != http::error::partial_message) {
    co_await Refuse(400, "not an HTTP request: " + error.message());
  }
}

asio::awaitable<void> HttpSession::Refuse(int status, std::string why) {
  HttpResponse response = options_.refusal
                              ? options_.refusal(status, why)
                              : MakeResponse(status, "text/plain", std::move(why) + "\n");
  co_await Write(std::move(response), 11, false, false);
  co_await Linger();
}

asio::awaitable<bool> HttpSession::Write(HttpResponse response, unsigned version, bool head_only,
                                         bool keep_alive) {
  if (!CanBeSent(response)) {
    response = MakeResponse(500, "text/plain", "the answer has an invalid status or header\n");
  }
  const bool stays = !boost::beast::iequals(response.Header("Connection"), "close");
  keep_alive = keep_alive && stays && version == 11;
  stream_.ExpireAfter(options_.write_timeout_ms);
  const std::string text = ToText(response, version, head_only, keep_alive);
  const ErrorCode error = co_await stream_.Write(text);
  co_return !error && keep_alive;
}

asio::awaitable<void> HttpSession::Linger() {
  stream_.ExpireAfter(kLingerMs);
  if (stream_.ssl() == nullptr) co_await stream_.FinishSending();
  std::array<char, 4096> sink;
  for (size_t dropped = 0; dropped < kLingerBytes;) {
    const auto got = co_await stream_.Read(sink);
    if (got.error) break;
    dropped += got.size;
  }
}

}  // namespace nacre::net
