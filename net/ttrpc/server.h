// ttrpc server: unary calls over one descriptor, or over every connection to a listener.
//
// Handlers may block; each running call has a thread of its own, so a Wait never stands in the way
// of a Kill. Everything is bounded by ServerOptions; what is over a bound is answered
// RESOURCE_EXHAUSTED with the bound's name and size. Protocol errors are answered on the stream
// they came on, as containerd's own server does, and the connection goes on:
//
//   payload over 4 MiB               RESOURCE_EXHAUSTED, payload read past
//   even stream id                   INVALID_ARGUMENT
//   stream id not above the last     INVALID_ARGUMENT
//   data frame (streaming)           INVALID_ARGUMENT, no stream is ever open
//   not a ttrpc.Request              INVALID_ARGUMENT
//   unknown service or method        UNIMPLEMENTED
//   any other frame type             ignored
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/status.h"
#include "base/unique_fd.h"
#include "net/ttrpc/limits.h"
#include "net/ttrpc/message.h"

namespace nacre::ttrpc {

// One call, as its handler sees it. Valid while the handler runs.
class CallContext {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  CallContext(Request request, std::optional<TimePoint> deadline, std::stop_token stop);

  const std::string& service() const { return request_.service; }
  const std::string& method() const { return request_.method; }
  const Metadata& metadata() const { return request_.metadata; }
  // The first value of `key`.
  std::optional<std::string_view> MetadataValue(std::string_view key) const;

  // When the caller stops waiting, if it said so.
  std::optional<TimePoint> deadline() const { return deadline_; }
  // Nobody waits for the answer any more: the connection went, the server stops, or the deadline
  // passed. A handler that blocks looks at this, or waits with stop_token() and deadline() on a
  // std::condition_variable_any.
  bool cancelled() const;
  // Requested when the connection goes or the server stops (not when the deadline passes).
  std::stop_token stop_token() const { return stop_; }

  const std::string& payload() const { return request_.payload; }

 private:
  const Request request_;
  const std::optional<TimePoint> deadline_;
  const std::stop_token stop_;
};

// Gets the request message's bytes, returns the response message's. Called from many threads.
using Handler =
    std::function<absl::StatusOr<std::string>(const CallContext&, std::string_view payload)>;

struct ServerOptions {
  size_t max_calls = 64;                 // running at once, over all connections
  size_t max_connections = 16;           // for Serve()
  size_t max_pending_bytes = 16u << 20;  // requests of running calls of one connection, together
  bool require_same_user = false;        // Serve(): refuse peers of another uid (unix sockets)
  // Serve() on vsock: refuse peers that are not this machine, given by its context id.
  std::optional<uint32_t> require_cid = std::nullopt;
  size_t stack_size = kThreadStack;  // of the threads handlers run on
};

class Server {
 public:
  explicit Server(const ServerOptions& options = {});
  // Stop(), then waits for every handler. Serve calls must have returned.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Before serving. A second handler for the same method replaces the first.
  void RegisterMethod(std::string_view service, std::string_view method, Handler handler);
  // Before serving. From then on this handler alone gets every call, of any service and method;
  // registered methods are not consulted. It answers kUnimplemented for what it does not know.
  void SetDispatcher(Handler dispatcher);

  // Takes connections until Stop() (OK) or until the listener fails. Returns when all connections
  // have ended and all handlers have returned.
  absl::Status Serve(UniqueFd listener);
  // Serves one connection until the peer closes it or Stop() (OK), or it breaks: kDataLoss when it
  // ended inside a frame. Returns when its handlers have returned. May be called again with the
  // next connection, as on a virtio-serial port that the host opens anew.
  absl::Status ServeConnection(UniqueFd connection);

  // Ends serving, for good: no further request is read, stop tokens fire, calls that still run may
  // answer (kFarewellMs), then connections close. Never blocks; any thread, handlers too.
  void Stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace nacre::ttrpc
