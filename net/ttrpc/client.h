// ttrpc client: many calls at once over one connection.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/status.h"
#include "base/unique_fd.h"
#include "net/ttrpc/limits.h"
#include "net/ttrpc/message.h"

namespace nacre::ttrpc {

struct ClientOptions {
  size_t max_calls = 256;  // waiting at once
  // Called once when the connection has ended, after every waiting call has failed: OK when Close()
  // ended it, else why. Runs on the client's own thread; must not destroy the client.
  std::function<void(const absl::Status&)> on_close = {};
  size_t stack_size = kThreadStack;  // of that thread
};

struct CallOptions {
  int64_t timeout_ms = 0;  // 0 = none. The server is told and the client keeps it
  Metadata metadata = {};
  std::stop_token stop = {};  // ends the wait early with kCancelled
};

// Thread-safe.
class Client {
 public:
  static absl::StatusOr<std::unique_ptr<Client>> Create(UniqueFd fd, ClientOptions options = {});
  // Close(), and waits for the client's thread. No call may be running.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Sends the request message's bytes, returns the response message's. Errors:
  //   what the server answered, code and message as it sent them
  //   kDeadlineExceeded   no answer in timeout_ms (a late one is thrown away)
  //   kUnavailable        the connection is closed, or closed before the answer came
  //   kCancelled          options.stop, or Close() while waiting
  //   kResourceExhausted  request or answer over kMaxPayload, max_calls waiting, ids used up
  //   kInternal           the answer is not a ttrpc response
  absl::StatusOr<std::string> Call(std::string_view service, std::string_view method,
                                   std::string_view payload, const CallOptions& options = {});
  // The same; the response message's bytes are not copied out of what came.
  absl::StatusOr<Answer> CallInPlace(std::string_view service, std::string_view method,
                                     std::string_view payload, const CallOptions& options = {});

  // Ends the connection and every waiting call. Never blocks; any thread.
  void Close();

 private:
  struct State;
  explicit Client(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

}  // namespace nacre::ttrpc
