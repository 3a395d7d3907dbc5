// The little of Asio that net/ shares between its .cc files. Never included from a public header.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <memory>

#include "base/status.h"

// RETURN_IF_ERROR for coroutines.
#define CO_RETURN_IF_ERROR(expr)                      \
  do {                                                \
    ::absl::Status nacre_status_ = (expr);            \
    if (!nacre_status_.ok()) co_return nacre_status_; \
  } while (false)

namespace nacre::net {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;
using Socket = Tcp::socket;
using TlsStream = asio::ssl::stream<Socket&>;
using Clock = std::chrono::steady_clock;
using ErrorCode = boost::system::error_code;

// co_await operation(..., kAwait) gives a tuple that starts with the error code; nothing throws.
inline constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

// Cancels what a socket is doing when the time is up. The socket stays open, so that a refusal can
// still be sent. Belongs to the one thread that runs the socket.
class Deadline {
 public:
  explicit Deadline(Socket& socket) : state_(std::make_shared<State>(socket)) {}
  ~Deadline() { Disarm(); }
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  void ArmFor(int64_t milliseconds) {
    ArmAt(Clock::now() + std::chrono::milliseconds(milliseconds));
  }
  void ArmAt(Clock::time_point when) {
    state_->fired = false;
    uint64_t generation = ++state_->generation;
    state_->timer.expires_at(when);
    state_->timer.async_wait([state = state_, generation](ErrorCode error) {
      // A wait that was replaced may already be queued as "expired"; the generation tells.
      if (error || state->generation != generation) return;
      state->fired = true;
      ErrorCode ignored;
      state->socket.cancel(ignored);
    });
  }
  void Disarm() {
    ++state_->generation;
    state_->timer.cancel();
  }
  // The last armed time passed before Disarm().
  bool fired() const { return state_->fired; }

 private:
  struct State {
    explicit State(Socket& s) : socket(s), timer(s.get_executor()) {}
    Socket& socket;
    asio::steady_timer timer;
    uint64_t generation = 0;
    bool fired = false;
  };
  std::shared_ptr<State> state_;
};

}  // namespace nacre::net
