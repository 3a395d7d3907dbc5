#include "runtime/hypervisor/qmp_client.h"

#include <sys/socket.h>

#include <cerrno>
#include <chrono>

#include "base/file.h"
#include "base/strings.h"

namespace nacre::runtime {
namespace {

constexpr uint64_t kNegotiationId = 0xca9a;  // of our qmp_capabilities; no command has it
constexpr uint64_t kMaxCommands = 0xc000;    // far more than one VM's life needs

}  // namespace

QmpClient::QmpClient(UniqueFd fd, EventHandler on_event)
    : fd_(std::move(fd)), on_event_(std::move(on_event)) {}

absl::Status QmpClient::ReadAvailable() {
  uint8_t buffer[4096];
  const ssize_t size = ::recv(fd_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
  absl::Status status;
  if (size < 0) {
    if (errno == EAGAIN || errno == EINTR) return absl::OkStatus();
    status = ErrnoStatus(errno, "QMP: reading");
  } else if (size == 0) {
    status = absl::UnavailableError("QMP: QEMU closed the connection");
  } else {
    status = lines_.Feed({buffer, static_cast<size_t>(size)});
  }
  while (status.ok()) {
    std::optional<std::string> line = lines_.Next();
    if (!line) break;
    status = Handle(*line);
  }
  if (!status.ok()) Close(status);
  return status;
}

absl::Status QmpClient::Handle(const std::string& line) {
  ASSIGN_OR_RETURN(QmpMessage message, ParseQmpMessage(line));
  if (message.kind == QmpMessage::Kind::kGreeting) return HandleGreeting();
  if (message.kind == QmpMessage::Kind::kEvent) {
    if (on_event_) on_event_(message.name, message.data);
    return absl::OkStatus();
  }
  HandleAnswer(std::move(message));
  return absl::OkStatus();
}

absl::Status QmpClient::HandleGreeting() {
  {
    std::lock_guard lock(mutex_);
    if (state_ != State::kGreeting) {
      return absl::InvalidArgumentError("QMP: a second greeting");
    }
    state_ = State::kNegotiating;
  }
  return Send("qmp_capabilities", nullptr, kNegotiationId);
}

void QmpClient::HandleAnswer(QmpMessage message) {
  std::lock_guard lock(mutex_);
  const bool error = message.kind == QmpMessage::Kind::kError;
  if (message.id == kNegotiationId && state_ == State::kNegotiating && !error) {
    state_ = State::kReady;
  } else if (auto found = waiting_.find(message.id); found != waiting_.end()) {
    if (error) {
      found->second = absl::FailedPreconditionError(StrCat("QEMU says: ", message.text));
    } else {
      found->second = std::move(message.data);
    }
  }
  changed_.notify_all();
}

void QmpClient::Close(const absl::Status& why) {
  std::lock_guard lock(mutex_);
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  closed_ = why.ok() ? absl::UnavailableError("QMP: closed") : why;
  changed_.notify_all();
}

absl::Status QmpClient::Send(std::string_view command, const Json& arguments, uint64_t id) {
  ASSIGN_OR_RETURN(std::string line, FormatQmpCommand(command, arguments, id));
  // Commands are far smaller than the socket's buffer: one send takes all or QEMU is stuck.
  const ssize_t sent = ::send(fd_.get(), line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent == static_cast<ssize_t>(line.size())) return absl::OkStatus();
  return sent < 0 ? ErrnoStatus(errno, StrCat("QMP: sending ", command))
                  : absl::UnavailableError(StrCat("QMP: QEMU does not take ", command));
}

absl::StatusOr<Json> QmpClient::Execute(std::string_view command, int timeout_ms,
                                        const Json& arguments) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  const auto late = [&] {
    return absl::DeadlineExceededError(
        StrCat("QMP: no answer to ", command, " in ", timeout_ms, " ms"));
  };
  std::unique_lock lock(mutex_);
  const auto negotiated = [&] { return state_ == State::kReady || state_ == State::kClosed; };
  if (!changed_.wait_until(lock, deadline, negotiated)) return late();
  if (state_ == State::kClosed) return closed_;
  if (next_id_ >= kMaxCommands) return absl::ResourceExhaustedError("QMP: command ids used up");
  const uint64_t id = next_id_++;
  const auto entry = waiting_.emplace(id, std::nullopt).first;
  absl::StatusOr<Json> result = late();
  if (absl::Status sent = Send(command, arguments, id); !sent.ok()) {
    result = sent;
  } else {
    changed_.wait_until(lock, deadline, [&] { return entry->second || state_ == State::kClosed; });
    if (entry->second) {
      result = *std::move(entry->second);
    } else if (state_ == State::kClosed) {
      result = closed_;
    }
  }
  waiting_.erase(entry);
  return result;
}

}  // namespace nacre::runtime
