// A non-blocking socket with OpenSSL over it. Step() does one round of everything that is ready;
// what it would have to wait for is left in events() for the caller's poll.

#include "net/raw_connection.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/strings.h"
#include "net/http_client.h"
#include "net/tls_context.h"

namespace nacre::net {
namespace {

constexpr size_t kReadSize = 16 << 10;
constexpr int kReadsPerStep = 4;

}  // namespace

struct RawConnection::Tls {
  std::shared_ptr<TlsContext> context;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl{nullptr, SSL_free};
};

RawConnection::RawConnection(UniqueFd fd, std::unique_ptr<Tls> tls, std::string peer)
    : fd_(std::move(fd)), tls_(std::move(tls)), peer_(std::move(peer)), events_(POLLOUT) {}

RawConnection::~RawConnection() = default;

absl::Status RawConnection::Wait(const Deadline& deadline) {
  pollfd waiting{.fd = fd_.get(), .events = events_, .revents = 0};
  int ready = poll(&waiting, 1, deadline.RemainingMillis());
  if (ready > 0 || (ready < 0 && errno == EINTR)) return absl::OkStatus();
  if (ready < 0) return ErrnoStatus(errno, peer_);
  return absl::DeadlineExceededError(StrCat(peer_, ": too slow"));
}

absl::Status RawConnection::Step() {
  if (ended_) return absl::OkStatus();
  events_ = POLLIN;
  if (!open_) RETURN_IF_ERROR(Open());
  if (!open_) return absl::OkStatus();
  RETURN_IF_ERROR(Send());
  return Receive();
}

absl::Status RawConnection::Open() {
  if (!connected_) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return ErrnoStatus(error, "connecting to " + peer_);
    sockaddr_storage address{};
    socklen_t address_size = sizeof address;
    if (getpeername(fd_.get(), reinterpret_cast<sockaddr*>(&address), &address_size) != 0) {
      events_ = POLLOUT;
      return absl::OkStatus();
    }
    connected_ = true;
  }
  if (tls_ == nullptr) {
    open_ = true;
    return absl::OkStatus();
  }
  ERR_clear_error();
  int result = SSL_connect(tls_->ssl.get());
  open_ = result == 1;
  return open_ ? absl::OkStatus() : TlsFailed(result, "TLS with ");
}

// OK when it only has to wait, which events_ then says.
absl::Status RawConnection::TlsFailed(int result, std::string_view doing) {
  int error = SSL_get_error(tls_->ssl.get(), result);
  if (error == SSL_ERROR_WANT_READ) return absl::OkStatus();
  if (error == SSL_ERROR_WANT_WRITE) {
    events_ = POLLIN | POLLOUT;
    return absl::OkStatus();
  }
  if (error == SSL_ERROR_ZERO_RETURN) {
    ended_ = true;
    return absl::OkStatus();
  }
  unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  // Closed without a close_notify: to a test of a server that is an end too.
  if (open_ && (code == 0 || ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING)) {
    ended_ = true;
    return absl::OkStatus();
  }
  if (code == 0) {
    return absl::UnavailableError(StrCat(doing, peer_, ": the server closed the connection"));
  }
  boost::system::error_code asio_code(static_cast<int>(code),
                                      boost::asio::error::get_ssl_category());
  return absl::UnauthenticatedError(
      StrCat(doing, peer_, ": ", ExplainTlsFailure(tls_->ssl.get(), asio_code)));
}

absl::Status RawConnection::Send() {
  while (!unsent_.empty()) {
    ssize_t sent = 0;
    if (tls_ != nullptr) {
      ERR_clear_error();
      int result = SSL_write(tls_->ssl.get(), unsent_.data(),
                             static_cast<int>(std::min<size_t>(unsent_.size(), 1 << 20)));
      if (result <= 0) return TlsFailed(result, "sending to ");
      sent = result;
    } else {
      sent = send(fd_.get(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
      if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        events_ = POLLIN | POLLOUT;
        return absl::OkStatus();
      }
      if (sent < 0) {
        ended_ = errno == EPIPE || errno == ECONNRESET;
        return ended_ ? absl::OkStatus() : ErrnoStatus(errno, "sending to " + peer_);
      }
    }
    unsent_.erase(0, static_cast<size_t>(sent));
  }
  return absl::OkStatus();
}

absl::Status RawConnection::Receive() {
  char buffer[kReadSize];
  for (int i = 0; i < kReadsPerStep && !ended_; ++i) {
    ssize_t got = 0;
    if (tls_ != nullptr) {
      ERR_clear_error();
      int result = SSL_read(tls_->ssl.get(), buffer, sizeof buffer);
      if (result <= 0) return TlsFailed(result, "receiving from ");
      got = result;
    } else {
      got = recv(fd_.get(), buffer, sizeof buffer, 0);
      if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return absl::OkStatus();
      if (got < 0 && errno != ECONNRESET) return ErrnoStatus(errno, "receiving from " + peer_);
      ended_ = got <= 0;
      if (ended_) return absl::OkStatus();
    }
    received_.append(buffer, static_cast<size_t>(got));
  }
  return absl::OkStatus();
}

class RawDialer::Impl {
 public:
  Url url;
  sockaddr_storage address{};
  socklen_t address_size = 0;
  std::shared_ptr<TlsContext> tls;  // null: plain TCP
};

RawDialer::RawDialer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RawDialer::~RawDialer() = default;

absl::StatusOr<std::unique_ptr<RawDialer>> RawDialer::Create(const Url& url,
                                                             const HttpClientOptions& options) {
  auto impl = std::make_unique<Impl>();
  impl->url = url;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  int error = getaddrinfo(url.host.c_str(), std::to_string(url.port).c_str(), &hints, &found);
  std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> list(found, freeaddrinfo);
  if (error != 0 || list == nullptr) {
    return absl::UnavailableError(StrCat("looking up ", url.host, ": ", gai_strerror(error)));
  }
  std::copy_n(reinterpret_cast<const char*>(list->ai_addr), list->ai_addrlen,
              reinterpret_cast<char*>(&impl->address));
  impl->address_size = list->ai_addrlen;
  if (url.tls()) {
    ASSIGN_OR_RETURN(impl->tls, MakeClientTls(options));
    // A queue may grow between two tries to send its beginning.
    SSL_CTX_set_mode(impl->tls->native_handle(),
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  }
  return std::unique_ptr<RawDialer>(new RawDialer(std::move(impl)));
}

absl::StatusOr<std::unique_ptr<RawConnection>> RawDialer::StartPlain() const {
  std::string peer = impl_->url.HostPort();
  UniqueFd fd(socket(impl_->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return ErrnoStatus(errno, "connecting to " + peer);
  int on = 1;
  setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&impl_->address), impl_->address_size) !=
          0 &&
      errno != EINPROGRESS) {
    return ErrnoStatus(errno, "connecting to " + peer);
  }
  return std::unique_ptr<RawConnection>(new RawConnection(std::move(fd), nullptr, peer));
}

absl::StatusOr<std::unique_ptr<RawConnection>> RawDialer::Start() const {
  ASSIGN_OR_RETURN(std::unique_ptr<RawConnection> connection, StartPlain());
  if (impl_->tls == nullptr) return connection;
  auto tls = std::make_unique<RawConnection::Tls>();
  tls->context = impl_->tls;
  tls->ssl.reset(SSL_new(impl_->tls->native_handle()));
  if (tls->ssl == nullptr || SSL_set_fd(tls->ssl.get(), connection->fd()) != 1) {
    return absl::InternalError("no memory for a TLS connection");
  }
  RETURN_IF_ERROR(ExpectServerName(tls->ssl.get(), impl_->url.host));
  connection->tls_ = std::move(tls);
  return connection;
}

}  // namespace nacre::net
