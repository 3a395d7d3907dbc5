// Asio's own TLS stream keeps two 17 KiB buffers for as long as it lives, and a read that waits
// keeps its caller's. Here OpenSSL reads and writes the socket itself, without ever waiting, and
// gives its buffers back when they are empty; what waits is only the question whether the socket is
// ready.
//
// Two things have to be guarded that Asio does by itself. A peer whose bytes never run dry must not
// keep the thread to itself: after a while the others get their turn, also inside of one SSL_read
// that finds record after record without data. And a clock that runs out while nothing waits must
// be noticed: it is asked before every wait.
#include "net/server_stream.h"

#include <openssl/err.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/error.hpp>

namespace nacre::net {
namespace {

constexpr size_t kTurn = 256 << 10;   // bytes moved before the others get their turn
constexpr size_t kRecord = 16 << 10;  // most that TLS sends at once

bool WouldBlock(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

ErrorCode SystemError(int error) { return {error, boost::system::system_category()}; }

}  // namespace

// Setting a timer of Asio's costs a system call, and each request sets the clock several times, to
// times that hardly ever come. So a timer that would wake too early is left alone; when it wakes,
// it looks at the clock and, if there is time left, goes on to sleep.
struct ServerStream::Timer : std::enable_shared_from_this<Timer> {
  explicit Timer(Socket& s) : socket(&s), timer(s.get_executor()) {}

  void Set(Clock::time_point when) {
    end = when;
    expired = false;
    if (!asleep || when < wakes_at) Sleep();
  }
  void Sleep() {
    asleep = true;
    wakes_at = end;
    timer.expires_at(end);
    timer.async_wait([self = shared_from_this()](ErrorCode error) {
      if (!error) self->Wake();
    });
  }
  void Wake() {
    asleep = false;
    if (socket == nullptr || end == Clock::time_point::max()) return;
    if (Clock::now() < end) return Sleep();
    expired = true;
    ErrorCode ignored;
    socket->cancel(ignored);
  }

  Socket* socket;  // null when the stream is gone
  asio::steady_timer timer;
  Clock::time_point end = Clock::time_point::max();
  Clock::time_point wakes_at = {};
  bool asleep = false;
  bool expired = false;
};

ServerStream::ServerStream(Socket socket, std::shared_ptr<TlsContext> tls)
    : socket_(std::move(socket)),
      context_(std::move(tls)),
      timer_(std::make_shared<Timer>(socket_)) {
  ErrorCode ignored;
  socket_.set_option(Tcp::no_delay(true), ignored);
}

ServerStream::~ServerStream() {
  timer_->socket = nullptr;
  timer_->timer.cancel();
}

BIO_METHOD* ServerStream::BioMethod() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "nacre socket");
    if (made == nullptr) throw std::bad_alloc();
    BIO_meth_set_read(made, BioRead);
    BIO_meth_set_write(made, BioWrite);
    BIO_meth_set_ctrl(made, BioControl);
    return made;
  }();
  return method;
}

int ServerStream::BioRead(BIO* bio, char* data, int size) {
  auto& stream = *static_cast<ServerStream*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (stream.unwaited_ >= kTurn) {
    stream.need_ = Need::kTurn;
    BIO_set_retry_read(bio);
    return -1;
  }
  const ssize_t got =
      recv(stream.socket_.native_handle(), data, static_cast<size_t>(size), MSG_DONTWAIT);
  if (got > 0) stream.unwaited_ += static_cast<size_t>(got);
  if (got == 0) stream.at_end_ = true;
  if (got < 0 && WouldBlock(errno)) {
    stream.need_ = Need::kRead;
    BIO_set_retry_read(bio);
  }
  return static_cast<int>(got);
}

int ServerStream::BioWrite(BIO* bio, const char* data, int size) {
  auto& stream = *static_cast<ServerStream*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const ssize_t sent = send(stream.socket_.native_handle(), data, static_cast<size_t>(size),
                            MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0 && WouldBlock(errno)) {
    stream.need_ = Need::kWrite;
    BIO_set_retry_write(bio);
  }
  return static_cast<int>(sent);
}

long ServerStream::BioControl(BIO* bio, int command, long, void*) {
  switch (command) {
    case BIO_CTRL_FLUSH:
      return 1;
    case BIO_CTRL_EOF:
      return static_cast<ServerStream*>(BIO_get_data(bio))->at_end_ ? 1 : 0;
    default:
      return 0;
  }
}

// asio::error::would_block when it only has to wait.
ErrorCode ServerStream::Unfinished(int result) {
  const int system_error = errno;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return asio::error::would_block;
    case SSL_ERROR_ZERO_RETURN:
      return asio::error::eof;
    case SSL_ERROR_SYSCALL:
      broken_ = true;
      return SystemError(system_error == 0 ? ECONNRESET : system_error);
    default:
      break;
  }
  broken_ = true;
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
    return asio::ssl::error::stream_truncated;
  }
  return {static_cast<int>(code), asio::error::get_ssl_category()};
}

asio::awaitable<ErrorCode> ServerStream::WaitFor(Need need) {
  if (timer_->expired) co_return asio::error::operation_aborted;
  unwaited_ = 0;
  dry_ = false;
  ErrorCode error;
  if (need == Need::kTurn) {
    co_await asio::post(socket_.get_executor(), asio::use_awaitable);
  } else {
    const auto kind = need == Need::kRead ? Socket::wait_read : Socket::wait_write;
    std::tie(error) = co_await socket_.async_wait(kind, kAwait);
  }
  if (timer_->expired) co_return asio::error::operation_aborted;
  co_return error;
}

bool ServerStream::MakeSsl() {
  ssl_.reset(SSL_new(context_->native_handle()));
  BIO* bio = ssl_ == nullptr ? nullptr : BIO_new(BioMethod());
  if (bio == nullptr) return false;
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_accept_state(ssl_.get());
  SSL_set_mode(ssl_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                               SSL_MODE_RELEASE_BUFFERS);
  SSL_set_read_ahead(ssl_.get(), 1);
  return true;
}

asio::awaitable<ErrorCode> ServerStream::Handshake() {
  if (context_ == nullptr) co_return ErrorCode();
  if (!MakeSsl()) co_return asio::error::no_memory;
  for (;;) {
    ERR_clear_error();
    errno = 0;
    const int done = SSL_do_handshake(ssl_.get());
    if (done == 1) co_return ErrorCode();
    ErrorCode error = Unfinished(done);
    if (error == asio::error::would_block) error = co_await WaitFor(need_);
    if (error) co_return error;
  }
}

std::optional<ServerStream::Got> ServerStream::TryRead(std::span<char> room) {
  if (ssl_ == nullptr) {
    need_ = Need::kRead;
    const ssize_t got = recv(socket_.native_handle(), room.data(), room.size(), MSG_DONTWAIT);
    dry_ = got < 0 && WouldBlock(errno);
    if (dry_) return std::nullopt;
    if (got < 0) return Got{SystemError(errno), 0};
    if (got == 0) return Got{asio::error::eof, 0};
    unwaited_ += static_cast<size_t>(got);
    return Got{{}, static_cast<size_t>(got)};
  }
  if (broken_) return Got{asio::error::eof, 0};
  ERR_clear_error();
  errno = 0;
  size_t size = 0;
  const int done = SSL_read_ex(ssl_.get(), room.data(), room.size(), &size);
  const ErrorCode error = done == 1 ? ErrorCode() : Unfinished(done);
  dry_ = error == asio::error::would_block;
  if (dry_) return std::nullopt;
  if (!error) return Got{{}, size};
  return Got{error, 0};
}

// What OpenSSL has read ahead does not make the socket readable.
asio::awaitable<ErrorCode> ServerStream::WaitForInput() {
  const bool ahead = !dry_ && ssl_ != nullptr && SSL_has_pending(ssl_.get()) == 1;
  co_return co_await WaitFor(ahead ? Need::kTurn : dry_ ? need_ : Need::kRead);
}

asio::awaitable<ServerStream::Got> ServerStream::Read(std::span<char> room) {
  if (unwaited_ >= kTurn) {
    const ErrorCode error = co_await WaitFor(Need::kTurn);
    if (error) co_return Got{error, 0};
  }
  for (;;) {
    if (const auto got = TryRead(room)) co_return *got;
    const ErrorCode error = co_await WaitFor(need_);
    if (error) co_return Got{error, 0};
  }
}

// Bytes taken; 0 with would_block or an error.
size_t ServerStream::TryWrite(std::string_view text, ErrorCode* error) {
  if (ssl_ == nullptr) {
    need_ = Need::kWrite;
    const ssize_t sent =
        send(socket_.native_handle(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) return static_cast<size_t>(sent);
    *error = WouldBlock(errno) ? ErrorCode(asio::error::would_block) : SystemError(errno);
    return 0;
  }
  if (broken_) {
    *error = asio::error::broken_pipe;
    return 0;
  }
  ERR_clear_error();
  errno = 0;
  size_t sent = 0;
  const int done = SSL_write_ex(ssl_.get(), text.data(), std::min(text.size(), kRecord), &sent);
  if (done == 1) return sent;
  *error = Unfinished(done);
  return 0;
}

asio::awaitable<ErrorCode> ServerStream::Write(std::string_view text) {
  while (!text.empty()) {
    ErrorCode error;
    if (unwaited_ >= kTurn) error = co_await WaitFor(Need::kTurn);
    if (error) co_return error;
    const size_t sent = TryWrite(text, &error);
    text.remove_prefix(sent);
    unwaited_ += sent;
    if (error == asio::error::would_block) error = co_await WaitFor(need_);
    if (error) co_return error;
  }
  co_return ErrorCode();
}

asio::awaitable<void> ServerStream::FinishSending() {
  ErrorCode error;
  if (ssl_ == nullptr) {
    socket_.shutdown(Socket::shutdown_send, error);
    co_return;
  }
  if (broken_ || !socket_.is_open() || SSL_in_init(ssl_.get())) co_return;
  // As if the peer had said its own good-bye, for which nobody waits.
  SSL_set_shutdown(ssl_.get(), SSL_get_shutdown(ssl_.get()) | SSL_RECEIVED_SHUTDOWN);
  while (!error) {
    ERR_clear_error();
    errno = 0;
    const int done = SSL_shutdown(ssl_.get());
    if (done >= 0) co_return;
    error = Unfinished(done);
    if (error == asio::error::would_block) error = co_await WaitFor(need_);
  }
}

void ServerStream::Close() {
  ErrorCode ignored;
  socket_.close(ignored);
}

void ServerStream::Cancel() {
  ErrorCode ignored;
  socket_.cancel(ignored);
}

void ServerStream::ExpireAfter(int64_t milliseconds) {
  timer_->Set(Clock::now() + std::chrono::milliseconds(milliseconds));
}
void ServerStream::NeverExpire() {
  timer_->end = Clock::time_point::max();
  timer_->expired = false;
}
bool ServerStream::expired() const { return timer_->expired; }

}  // namespace nacre::net
