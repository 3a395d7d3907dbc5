// Each connection has its own io_context, and whoever calls Run turns it until the exchange is
// over: asynchronous inside, so that every step has a deadline, synchronous outside, without a
// thread.

#include "net/http_connection.h"

#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/beast/http.hpp>

#include "base/strings.h"
#include "base/unique_fd.h"

namespace nacre::net {
namespace {

namespace http = boost::beast::http;

constexpr size_t kChunk = 64 << 10;           // of a body, at a time
constexpr size_t kLargeChunk = 256 << 10;     // of a streamed one of known length
constexpr size_t kMaxRefusalBody = 64 << 10;  // kept of an answer that is not 2xx while streaming
constexpr int kMaxInterimAnswers = 8;         // "100 Continue" and the like

using Parser = http::response_parser<http::buffer_body>;
using Message = http::request<http::span_body<const char>>;
using LowWatermark = asio::socket_base::receive_low_watermark;

bool IsTls(ErrorCode error) {
  return error.category() == asio::error::get_ssl_category() ||
         error.category() == asio::ssl::error::get_stream_category();
}

bool IsHttp(ErrorCode error) {
  return error.category() == http::make_error_code(http::error::bad_version).category();
}

Message MakeMessage(const HttpExchange& exchange) {
  const HttpRequest& request = exchange.request;
  Message message;
  message.method_string(request.method);
  message.target(exchange.url.target);
  message.version(11);
  message.set(http::field::host, exchange.url.Authority());
  message.set(http::field::user_agent, exchange.options.user_agent);
  for (const auto& [name, value] : request.headers) message.insert(name, value);
  message.body() = {request.body.data(), request.body.size()};
  bool carries = request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
  if (carries || !request.body.empty()) message.content_length(request.body.size());
  return message;
}

HttpResponse HeadOf(const Parser& parser) {
  HttpResponse response;
  response.status = static_cast<int>(parser.get().result_int());
  for (const auto& field : parser.get()) {
    response.headers.emplace_back(field.name_string(), field.value());
  }
  return response;
}

}  // namespace

absl::Status HttpConnection::Drive(asio::awaitable<absl::Status> work) {
  absl::Status result = absl::InternalError(peer_ + ": the exchange did not run");
  try {
    auto finished = [this, &result](std::exception_ptr error, absl::Status status) {
      deadline_.Disarm();  // or run() would wait for the timer
      if (error) std::rethrow_exception(error);
      result = std::move(status);
    };
    asio::co_spawn(io_, std::move(work), finished);
    io_.restart();
    io_.run();
  } catch (const std::exception& error) {
    return absl::InternalError(StrCat(peer_, ": ", error.what()));
  }
  return result;
}

absl::StatusOr<std::unique_ptr<HttpConnection>> HttpConnection::Open(
    const HttpExchange& exchange, const std::shared_ptr<TlsContext>& tls) {
  std::unique_ptr<HttpConnection> connection(new HttpConnection(exchange.url));
  RETURN_IF_ERROR(connection->Drive(connection->Connect(exchange, tls)));
  return connection;
}

absl::StatusOr<HttpResponse> HttpConnection::Run(const HttpExchange& exchange) {
  HttpResponse response;
  reusable_ = false;
  received_ = false;
  RETURN_IF_ERROR(
      Drive(tls_ ? Converse(*tls_, exchange, &response) : Converse(socket_, exchange, &response)));
  return response;
}

bool HttpConnection::Stale() {
  char byte;
  ssize_t got = recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return !(got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK));
}

asio::awaitable<absl::Status> HttpConnection::Connect(const HttpExchange& exchange,
                                                      const std::shared_ptr<TlsContext>& tls) {
  const Url& url = exchange.url;
  absl::Status failed;
  if (exchange.options.proxy_url.empty()) {
    failed = co_await Dial(exchange, url);
  } else {
    // Parsed once before, when the client was made.
    absl::StatusOr<Url> proxy = ParseUrl(exchange.options.proxy_url);
    if (!proxy.ok()) co_return proxy.status();
    failed = co_await Dial(exchange, *proxy);
    if (failed.ok()) failed = co_await Tunnel(exchange);
  }
  if (failed.ok() && url.tls()) failed = co_await Handshake(url, tls);
  if (deadline_.fired() && url.tls() && failed.code() == absl::StatusCode::kCancelled) {
    failed = TimedOut(exchange, "TLS with " + peer_, exchange.options.connect_timeout_ms);
  }
  co_return failed;
}

asio::awaitable<absl::Status> HttpConnection::Dial(const HttpExchange& exchange, const Url& url) {
  ErrorCode error;
  Tcp::resolver resolver(io_);
  // The blocking form: the asynchronous one would start a thread.
  auto found =
      resolver.resolve(url.host, std::to_string(url.port), Tcp::resolver::numeric_service, error);
  if (error) {
    co_return absl::UnavailableError(StrCat("looking up ", url.host, ": ", error.message()));
  }
  std::string doing = "connecting to " + url.HostPort();
  absl::Status failed = absl::UnavailableError(doing + ": no address");
  for (const auto& entry : found) {
    auto limit = Clock::now() + std::chrono::milliseconds(exchange.options.connect_timeout_ms);
    deadline_.ArmAt(std::min(limit, exchange.end));
    socket_.close(error);
    // Asio's own open() would leave the descriptor to child processes.
    UniqueFd fd(::socket(entry.endpoint().protocol().family(),
                         SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd.valid()) {
      failed = ErrnoStatus(errno, doing);
      continue;
    }
    socket_.assign(entry.endpoint().protocol(), fd.Release(), error);
    auto [refused] = co_await socket_.async_connect(entry.endpoint(), kAwait);
    if (deadline_.fired()) {
      failed = TimedOut(exchange, doing, exchange.options.connect_timeout_ms);
    } else if (refused) {
      failed = absl::UnavailableError(StrCat(doing, ": ", refused.message()));
    } else {
      socket_.set_option(Tcp::no_delay(true), error);
      failed = absl::OkStatus();
      break;
    }
  }
  co_return failed;
}

// Asks the proxy at the other end of socket_ for a way through to the server (CONNECT). Neither
// side of what follows speaks before this client does, so nothing may come behind the proxy's
// answer.
asio::awaitable<absl::Status> HttpConnection::Tunnel(const HttpExchange& exchange) {
  std::string doing = StrCat("proxy ", exchange.options.proxy_url, " to ", peer_, ": ");
  http::request<http::empty_body> request;
  request.method(http::verb::connect);
  request.target(exchange.url.HostPort());
  request.version(11);
  request.set(http::field::host, exchange.url.HostPort());
  request.set(http::field::user_agent, exchange.options.user_agent);
  auto [unsent, written] = co_await http::async_write(socket_, request, kAwait);
  if (deadline_.fired()) {
    co_return TimedOut(exchange, doing + "CONNECT", exchange.options.connect_timeout_ms);
  }
  if (unsent) co_return absl::UnavailableError(doing + unsent.message());
  http::response_parser<http::empty_body> parser;
  parser.header_limit(static_cast<uint32_t>(exchange.options.max_head));
  parser.skip(true);  // an answer of 2xx to CONNECT has no body
  auto [error, size] = co_await http::async_read_header(socket_, buffer_, parser, kAwait);
  if (deadline_.fired()) {
    co_return TimedOut(exchange, doing + "CONNECT", exchange.options.connect_timeout_ms);
  }
  if (error) co_return absl::UnavailableError(doing + error.message());
  const unsigned status = parser.get().result_int();
  if (status / 100 != 2) {
    co_return absl::UnavailableError(StrCat(doing, "it answers ", status));
  }
  if (buffer_.size() != 0) {
    co_return absl::DataLossError(doing + "bytes behind its answer");
  }
  co_return absl::OkStatus();
}

asio::awaitable<absl::Status> HttpConnection::Handshake(const Url& url,
                                                        const std::shared_ptr<TlsContext>& tls) {
  context_ = tls;
  tls_.emplace(socket_, *context_);
  CO_RETURN_IF_ERROR(ExpectServerName(tls_->native_handle(), url.host));
  auto [error] = co_await tls_->async_handshake(asio::ssl::stream_base::client, kAwait);
  if (!error) co_return absl::OkStatus();
  std::string doing = "TLS with " + peer_ + ": ";
  if (error == asio::error::operation_aborted) co_return absl::CancelledError(doing);
  if (error == asio::ssl::error::stream_truncated || error == asio::error::eof) {
    co_return absl::UnavailableError(doing + "the server closed the connection in the handshake");
  }
  if (!IsTls(error)) co_return absl::UnavailableError(doing + error.message());
  co_return absl::UnauthenticatedError(doing + ExplainTlsFailure(tls_->native_handle(), error));
}

template <typename Stream>
asio::awaitable<absl::Status> HttpConnection::Converse(Stream& stream, const HttpExchange& exchange,
                                                       HttpResponse* response) {
  ErrorCode unsent = co_await Write(stream, exchange);
  if (deadline_.fired()) co_return Explain(unsent, exchange, "sending to ");
  // A server may refuse before it has read everything; its answer says more than EPIPE.
  std::optional<Parser> parser;
  absl::Status status = co_await ReadHead(stream, exchange, parser);
  if (unsent && !status.ok()) co_return Explain(unsent, exchange, "sending to ");
  if (!status.ok()) co_return status;
  *response = HeadOf(*parser);
  if (exchange.on_head != nullptr && *exchange.on_head) {
    CO_RETURN_IF_ERROR((*exchange.on_head)(*response));
  }
  const bool streamed = exchange.on_body != nullptr && response->status / 100 == 2;
  const uint64_t left = parser->is_done() ? 0 : parser->content_length().value_or(0);
  if (streamed && left > 0) {
    CO_RETURN_IF_ERROR(co_await StreamBody(stream, exchange, left));
  } else {
    CO_RETURN_IF_ERROR(co_await ReadBody(stream, exchange, *parser, response));
    if (!parser->is_done()) co_return absl::OkStatus();
  }
  reusable_ = !unsent && parser->keep_alive() && buffer_.size() == 0;
  co_return absl::OkStatus();
}

template <typename Stream>
asio::awaitable<ErrorCode> HttpConnection::Write(Stream& stream, const HttpExchange& exchange) {
  Message message = MakeMessage(exchange);
  http::serializer<true, http::span_body<const char>> serializer(message);
  while (!serializer.is_done()) {
    ArmIdle(exchange);
    auto [error, size] = co_await http::async_write_some(stream, serializer, kAwait);
    if (error) co_return error;
  }
  co_return ErrorCode();
}

template <typename Stream, typename ParserType>
asio::awaitable<absl::Status> HttpConnection::ReadHead(Stream& stream, const HttpExchange& exchange,
                                                       std::optional<ParserType>& parser) {
  for (int interim = 0; interim <= kMaxInterimAnswers; ++interim) {
    parser.emplace();
    parser->header_limit(static_cast<uint32_t>(exchange.options.max_head));
    parser->body_limit(boost::none);  // ReadBody counts
    parser->skip(exchange.request.method == "HEAD");
    ArmIdle(exchange);
    auto [error, size] = co_await http::async_read_header(stream, buffer_, *parser, kAwait);
    received_ = received_ || size > 0 || parser->got_some();
    if (error) co_return Explain(error, exchange, "receiving from ");
    if (parser->get().result_int() / 100 != 1) co_return absl::OkStatus();
  }
  co_return absl::DataLossError(peer_ + ": too many interim answers");
}

template <typename Stream, typename ParserType>
asio::awaitable<absl::Status> HttpConnection::ReadBody(Stream& stream, const HttpExchange& exchange,
                                                       ParserType& parser, HttpResponse* response) {
  bool streamed = exchange.on_body != nullptr && response->status / 100 == 2;
  bool refusal = exchange.on_body != nullptr && !streamed;
  uint64_t limit = streamed ? exchange.options.max_streamed_body : exchange.options.max_body;
  absl::Status too_large =
      absl::ResourceExhaustedError(StrCat(peer_, ": the body is larger than ", limit, " bytes"));
  auto announced = parser.content_length();
  if (!refusal && announced && *announced > limit) co_return too_large;
  Bytes chunk(std::min<uint64_t>(kChunk, announced ? *announced + 1 : kChunk));
  // Beast reads as much at once as the buffer has room for, and no more than 512 bytes of its own
  // accord.
  buffer_.reserve(chunk.size());
  uint64_t total = 0;
  while (!parser.is_done()) {
    auto& body = parser.get().body();
    body.data = chunk.data();
    body.size = chunk.size();
    ArmIdle(exchange);
    auto [error, size] = co_await http::async_read_some(stream, buffer_, parser, kAwait);
    size_t got = chunk.size() - body.size;
    total += got;
    if (refusal && total > kMaxRefusalBody) co_return absl::OkStatus();
    if (total > limit) co_return too_large;
    if (streamed && got > 0) {
      deadline_.Disarm();
      CO_RETURN_IF_ERROR((*exchange.on_body)(ByteView(chunk).first(got)));
    } else {
      response->body.append(AsText(ByteView(chunk).first(got)));
    }
    if (error && error != http::error::need_buffer) {
      co_return Explain(error, exchange, "receiving from ");
    }
  }
  co_return absl::OkStatus();
}

// Straight from the socket to who takes the body: nothing of it has to be parsed. The kernel is
// asked to wake this thread for a chunk, not for a packet; what has come when the time is up is
// progress all the same.
template <typename Stream>
asio::awaitable<absl::Status> HttpConnection::StreamBody(Stream& stream,
                                                         const HttpExchange& exchange,
                                                         uint64_t left) {
  if (left > exchange.options.max_streamed_body) {
    co_return absl::ResourceExhaustedError(
        StrCat(peer_, ": the body is larger than ", exchange.options.max_streamed_body, " bytes"));
  }
  if (const size_t early = std::min<uint64_t>(left, buffer_.size()); early > 0) {
    CO_RETURN_IF_ERROR(
        (*exchange.on_body)(ByteView(static_cast<const uint8_t*>(buffer_.cdata().data()), early)));
    buffer_.consume(early);
    left -= early;
  }
  Bytes chunk(std::min<uint64_t>(left, kLargeChunk));
  ErrorCode ignored;
  while (left > 0) {
    const size_t wanted = std::min<uint64_t>(left, chunk.size());
    if (!tls_) socket_.set_option(LowWatermark(static_cast<int>(wanted)), ignored);
    ArmIdle(exchange);
    auto [error, got] = co_await stream.async_read_some(asio::buffer(chunk.data(), wanted), kAwait);
    deadline_.Disarm();
    left -= got;
    if (got > 0) CO_RETURN_IF_ERROR((*exchange.on_body)(ByteView(chunk).first(got)));
    if (error == asio::error::eof) error = http::error::partial_message;
    const bool progress =
        deadline_.fired() && !tls_ && Clock::now() < exchange.end && socket_.available(ignored) > 0;
    if (error && !progress) co_return Explain(error, exchange, "receiving from ");
  }
  if (!tls_) socket_.set_option(LowWatermark(1), ignored);
  co_return absl::OkStatus();
}

void HttpConnection::ArmIdle(const HttpExchange& exchange) {
  auto silence = Clock::now() + std::chrono::milliseconds(exchange.options.idle_timeout_ms);
  deadline_.ArmAt(std::min(silence, exchange.end));
}

absl::Status HttpConnection::TimedOut(const HttpExchange& exchange, std::string_view doing,
                                      int64_t limit_ms) {
  bool total = Clock::now() >= exchange.end;
  return absl::DeadlineExceededError(
      StrCat(doing, ": ", total ? "not done after " : "no answer for ",
             total ? exchange.options.total_timeout_ms : limit_ms, " ms"));
}

absl::Status HttpConnection::Explain(ErrorCode error, const HttpExchange& exchange,
                                     std::string_view doing) {
  std::string what = StrCat(doing, peer_);
  if (deadline_.fired()) return TimedOut(exchange, what, exchange.options.idle_timeout_ms);
  if (error == http::error::end_of_stream ||
      (!received_ && error == asio::ssl::error::stream_truncated)) {
    return absl::UnavailableError(what + ": the server closed the connection without an answer");
  }
  if (error == http::error::partial_message || error == asio::ssl::error::stream_truncated) {
    return absl::DataLossError(what + ": the answer ended early");
  }
  if (error == http::error::header_limit) {
    return absl::ResourceExhaustedError(StrCat(what, ": the head of the answer is larger than ",
                                               exchange.options.max_head, " bytes"));
  }
  if (IsHttp(error)) return absl::DataLossError(what + ": not an HTTP answer: " + error.message());
  if (IsTls(error)) return absl::UnauthenticatedError(what + ": " + error.message());
  return absl::UnavailableError(what + ": " + error.message());
}

}  // namespace nacre::net
