// One I/O thread runs the accept loop and every session as coroutines; the handler runs on a pool.
// At the connection limit the loop stops accepting: newcomers wait in the listen queue, and when
// one does, the connection that has been idle longest is asked to go.

#include "net/http_server.h"

#include <sys/socket.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <list>
#include <mutex>
#include <thread>

#include "base/strings.h"
#include "base/unique_fd.h"
#include "net/http_session.h"

namespace nacre::net {
namespace {

constexpr int64_t kRetryAcceptMs = 100;  // out of descriptors: some come back as sessions end

absl::StatusOr<Tcp::endpoint> ParseAddress(const HttpServerOptions& options) {
  ErrorCode error;
  auto address = asio::ip::make_address(options.address, error);
  if (error) {
    return absl::InvalidArgumentError(StrCat("'", options.address, "' is not an IP address"));
  }
  return Tcp::endpoint(address, options.port);
}

absl::StatusOr<UniqueFd> Listen(const Tcp::endpoint& endpoint, const std::string& where) {
  UniqueFd fd(socket(endpoint.protocol().family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return ErrnoStatus(errno, where);
  int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd.get(), endpoint.data(), static_cast<socklen_t>(endpoint.size())) != 0 ||
      listen(fd.get(), SOMAXCONN) != 0) {
    return absl::UnavailableError(StrCat(where, ": ", std::generic_category().message(errno)));
  }
  return fd;
}

}  // namespace

class HttpServer::Impl {
 public:
  Impl(HttpServerOptions options, LateHandler handler, std::shared_ptr<TlsContext> tls)
      : options_(std::move(options)),
        handler_(std::move(handler)),
        tls_(std::move(tls)),
        acceptor_(io_),
        slot_free_(io_),
        drain_end_(io_),
        handlers_(static_cast<size_t>(std::max(options_.handler_threads, 1))) {
    dispatch_ = [this](HttpServerRequest request) { return RunHandler(std::move(request)); };
  }
  ~Impl() { Stop(); }

  absl::Status Start() {
    ASSIGN_OR_RETURN(Tcp::endpoint endpoint, ParseAddress(options_));
    std::string where = StrCat("listening on ", options_.address, ":", options_.port);
    ASSIGN_OR_RETURN(UniqueFd fd, Listen(endpoint, where));
    ErrorCode error;
    acceptor_.assign(endpoint.protocol(), fd.get(), error);
    if (error) return absl::InternalError(StrCat(where, ": ", error.message()));
    fd.Release();
    port_ = acceptor_.local_endpoint(error).port();
    asio::co_spawn(io_, Accept(), asio::detached);
    thread_ = std::thread([this] { io_.run(); });
    return absl::OkStatus();
  }

  void Stop() {
    std::lock_guard lock(stop_mutex_);
    if (!thread_.joinable()) return;
    asio::post(io_, [this] { BeginDrain(); });
    thread_.join();
    handlers_.join();
  }

  absl::Status Reload(std::string_view chain, const SecretBytes& key) {
    ASSIGN_OR_RETURN(std::shared_ptr<TlsContext> fresh,
                     MakeServerTls(chain, key, options_.client_ca_pem));
    std::lock_guard lock(tls_mutex_);
    if (tls_ == nullptr) return absl::FailedPreconditionError("the server speaks plain HTTP");
    tls_ = std::move(fresh);
    return absl::OkStatus();
  }

  uint16_t port() const { return port_; }
  std::string url() const {
    bool ipv6 = options_.address.find(':') != std::string::npos;
    return StrCat(options_.tls_certificate_chain_pem.empty() ? "http://" : "https://",
                  ipv6 ? "[" : "", options_.address, ipv6 ? "]" : "", ":", port_);
  }

 private:
  asio::awaitable<void> Accept() {
    while (!stopping_) {
      auto [error] = co_await acceptor_.async_wait(Tcp::acceptor::wait_read, kAwait);
      if (error || stopping_) break;
      while (sessions_.size() >= options_.max_connections && !stopping_) co_await WaitForSlot();
      if (stopping_) break;
      UniqueFd fd(
          accept4(acceptor_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!fd.valid()) {
        bool exhausted = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
        if (exhausted) co_await Wait(slot_free_, kRetryAcceptMs);
        continue;
      }
      ErrorCode refused;
      Socket socket(io_);
      socket.assign(acceptor_.local_endpoint(refused).protocol(), fd.get(), refused);
      if (refused) continue;
      fd.Release();
      auto session =
          sessions_.emplace(sessions_.end(), std::move(socket), CurrentTls(), options_, dispatch_);
      asio::co_spawn(io_, RunSession(session), asio::detached);
    }
  }

  // Until a session ends.
  asio::awaitable<void> WaitForSlot() {
    HttpSession* longest = nullptr;
    for (HttpSession& session : sessions_) {
      if (!session.idle()) continue;
      if (longest == nullptr || session.idle_since() < longest->idle_since()) longest = &session;
    }
    if (longest != nullptr) longest->Drain();
    co_await Wait(slot_free_, 1000);
  }

  asio::awaitable<void> Wait(asio::steady_timer& timer, int64_t milliseconds) {
    timer.expires_after(std::chrono::milliseconds(milliseconds));
    co_await timer.async_wait(kAwait);
  }

  asio::awaitable<void> RunSession(std::list<HttpSession>::iterator session) {
    try {
      co_await session->Run();
    } catch (const std::exception&) {
      // Out of memory at worst: this connection ends, the server goes on.
    }
    sessions_.erase(session);
    slot_free_.cancel();
    if (stopping_ && sessions_.empty()) drain_end_.cancel();
  }

  static HttpResponse InternalError() {
    return MakeResponse(500, "text/plain", "internal error\n");
  }

  std::optional<HttpResponse> TryAtOnce(const HttpServerRequest& request) const {
    if (!options_.first_try) return std::nullopt;
    try {
      return options_.first_try(request);
    } catch (const std::exception&) {
      return InternalError();
    }
  }

  // Goes once, at its end at the latest.
  template <typename Back>
  class WayBack : public HttpReply::Way {
   public:
    explicit WayBack(Back back) : back_(std::move(back)) {}
    ~WayBack() override { Send(InternalError()); }
    void Send(HttpResponse response) override {
      if (!sent_.exchange(true)) back_(std::move(response));
    }

   private:
    Back back_;
    std::atomic<bool> sent_ = false;
  };

  asio::awaitable<HttpResponse> RunHandler(HttpServerRequest request) {
    auto at_once = TryAtOnce(request);
    if (at_once) co_return *std::move(at_once);
    HttpResponse response;
    auto there_and_back = [&](auto handler) {
      // What keeps the I/O thread from ending meanwhile.
      auto home = asio::prefer(io_.get_executor(), asio::execution::outstanding_work.tracked);
      auto back = [&response, home, resume = std::move(handler)](HttpResponse answer) mutable {
        response = std::move(answer);
        asio::post(home, std::move(resume));
      };
      const HttpReply reply(std::make_shared<WayBack<decltype(back)>>(std::move(back)));
      asio::post(handlers_, [this, &request, reply] {
        try {
          handler_(request, reply);
        } catch (const std::exception&) {
          reply.Send(InternalError());
        }
      });
    };
    co_await asio::async_initiate<decltype(asio::use_awaitable), void()>(there_and_back,
                                                                         asio::use_awaitable);
    co_return response;
  }

  void BeginDrain() {
    stopping_ = true;
    ErrorCode ignored;
    acceptor_.close(ignored);
    slot_free_.cancel();
    for (HttpSession& session : sessions_) session.Drain();
    if (sessions_.empty()) return;
    drain_end_.expires_after(std::chrono::milliseconds(options_.drain_timeout_ms));
    drain_end_.async_wait([this](ErrorCode error) {
      if (error) return;
      for (HttpSession& session : sessions_) session.Abort();
    });
  }

  std::shared_ptr<TlsContext> CurrentTls() {
    std::lock_guard lock(tls_mutex_);
    return tls_;
  }

  const HttpServerOptions options_;
  const LateHandler handler_;
  std::mutex tls_mutex_;
  std::shared_ptr<TlsContext> tls_;  // null for plain HTTP
  uint16_t port_ = 0;

  asio::io_context io_{1};
  Tcp::acceptor acceptor_;
  asio::steady_timer slot_free_;  // cancelled to say so
  asio::steady_timer drain_end_;
  std::list<HttpSession> sessions_;
  HttpSession::Dispatch dispatch_;
  bool stopping_ = false;
  asio::thread_pool handlers_;
  std::thread thread_;
  std::mutex stop_mutex_;
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(HttpServerOptions options,
                                                              Handler handler) {
  return Start(std::move(options),
               LateHandler([handler = std::move(handler)](const HttpServerRequest& request,
                                                          const HttpReply& reply) {
                 reply.Send(handler(request));
               }));
}

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(HttpServerOptions options,
                                                              LateHandler handler) {
  std::shared_ptr<TlsContext> tls;
  if (!options.tls_certificate_chain_pem.empty() || !options.tls_private_key_pem.empty()) {
    ASSIGN_OR_RETURN(tls, MakeServerTls(options.tls_certificate_chain_pem,
                                        options.tls_private_key_pem, options.client_ca_pem));
  }
  auto impl = std::make_unique<Impl>(std::move(options), std::move(handler), std::move(tls));
  RETURN_IF_ERROR(impl->Start());
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

uint16_t HttpServer::port() const { return impl_->port(); }
std::string HttpServer::url() const { return impl_->url(); }
void HttpServer::Stop() { impl_->Stop(); }

absl::Status HttpServer::ReloadCertificate(std::string_view certificate_chain_pem,
                                           const SecretBytes& private_key_pem) {
  return impl_->Reload(certificate_chain_pem, private_key_pem);
}

}  // namespace nacre::net
