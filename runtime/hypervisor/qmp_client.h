// A conversation with one QEMU over QMP. The owner of the descriptor's poll loop calls
// ReadAvailable() when it is readable; any thread may call Execute().
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "base/json.h"
#include "base/status.h"
#include "base/unique_fd.h"
#include "runtime/hypervisor/qmp_message.h"

namespace nacre::runtime {

class QmpClient {
 public:
  // Called from ReadAvailable(), without locks held.
  using EventHandler = std::function<void(const std::string& name, const Json& data)>;
  QmpClient(UniqueFd fd, EventHandler on_event);

  int fd() const { return fd_.get(); }
  // Takes what has arrived: greeting (answered with qmp_capabilities), answers, events. An error
  // closes the conversation: kUnavailable at the end of the stream, otherwise a protocol error.
  // Waiting Execute calls then fail with it.
  absl::Status ReadAvailable();
  void Close(const absl::Status& why);

  // Waits for the negotiation, sends, waits for the answer. kDeadlineExceeded, the connection's
  // error, or kFailedPrecondition with QEMU's own words.
  absl::StatusOr<Json> Execute(std::string_view command, int timeout_ms,
                               const Json& arguments = nullptr);

 private:
  enum class State { kGreeting, kNegotiating, kReady, kClosed };

  absl::Status Handle(const std::string& line);
  absl::Status HandleGreeting();
  void HandleAnswer(QmpMessage message);
  absl::Status Send(std::string_view command, const Json& arguments, uint64_t id);

  UniqueFd fd_;
  EventHandler on_event_;
  QmpLines lines_;  // used by the reading thread alone

  std::mutex mutex_;
  std::condition_variable changed_;
  State state_ = State::kGreeting;
  absl::Status closed_;
  uint64_t next_id_ = 1;
  std::map<uint64_t, std::optional<absl::StatusOr<Json>>> waiting_;
};

}  // namespace nacre::runtime
