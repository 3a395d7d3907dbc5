#include "runtime/shim/stdio_relay.h"

#include <sys/eventfd.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>

#include "base/log.h"
#include "base/strings.h"

namespace nacre::runtime {
namespace {

constexpr size_t kInputChunk = 32 << 10;

absl::StatusOr<UniqueFd> MakeEvent() {
  UniqueFd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event.valid()) return ErrnoStatus(errno, "eventfd");
  return event;
}

void Signal(const UniqueFd& event) {
  const uint64_t one = 1;
  (void)!::write(event.get(), &one, sizeof one);
}

}  // namespace

absl::StatusOr<std::unique_ptr<StdioRelay>> StdioRelay::Open(AgentClient* agent, ProcessId id,
                                                             const StdioPaths& paths) {
  std::unique_ptr<StdioRelay> relay(new StdioRelay(agent, std::move(id)));
  relay->terminal_ = paths.terminal;
  ASSIGN_OR_RETURN(relay->in_, OpenInputStream(paths.in), "stdin");
  ASSIGN_OR_RETURN(relay->out_, OpenOutputStream(paths.out), "stdout");
  if (!paths.terminal) {
    ASSIGN_OR_RETURN(relay->err_, OpenOutputStream(paths.err), "stderr");
  }
  ASSIGN_OR_RETURN(relay->stop_event_, MakeEvent());
  ASSIGN_OR_RETURN(relay->stdin_event_, MakeEvent());
  return relay;
}

StdioRelay::~StdioRelay() { Stop(); }

void StdioRelay::Start(std::function<void()> on_first_output) {
  on_first_output_ = std::move(on_first_output);
  outputs_open_ = terminal_ ? 1 : 2;
  out_thread_ = std::thread([this] { RelayOutput(AgentClient::Output::kStdout, out_.get()); });
  if (!terminal_) {
    err_thread_ = std::thread([this] { RelayOutput(AgentClient::Output::kStderr, err_.get()); });
  }
  in_thread_ = std::thread([this] { RelayInput(); });
}

void StdioRelay::RelayOutput(AgentClient::Output which, int fd) {
  bool broken = fd < 0;
  while (true) {
    const auto data = agent_->ReadOutput(which, id_, stop_.get_token());
    if (!data.ok()) {
      const bool expected = absl::IsOutOfRange(data.status()) || stop_.stop_requested() ||
                            absl::IsUnavailable(data.status());
      if (!expected) {
        Log(LogLevel::kWarning, "output_lost",
            {{"process", id_.exec}, {"error", Message(data.status())}});
      }
      break;
    }
    std::function<void()> first;
    {
      std::lock_guard lock(mutex_);
      first = std::exchange(on_first_output_, nullptr);
    }
    if (first) first();
    if (!broken) broken = !WriteStream(fd, *data, stop_event_.get()).ok();
    std::lock_guard lock(mutex_);
    ++progress_;
    changed_.notify_all();
  }
  std::lock_guard lock(mutex_);
  --outputs_open_;
  changed_.notify_all();
}

bool StdioRelay::SendInput(std::string_view data) {
  while (!data.empty()) {
    const auto taken = agent_->WriteStdin(id_, data, stop_.get_token());
    if (!taken.ok() || *taken == 0 || *taken > data.size()) return false;
    data.remove_prefix(*taken);
  }
  return true;
}

void StdioRelay::RelayInput() {
  // Without a FIFO the process's stdin is empty, not open for ever.
  while (in_.valid()) {
    const auto data = ReadStream(in_.get(), kInputChunk, stdin_event_.get());
    if (absl::IsCancelled(data.status()) && !stop_.stop_requested()) {
      (void)SendInput(ReadAvailable(in_.get(), kInputChunk));  // CloseIO: what was written counts
      break;
    }
    if (!data.ok() || data->empty() || !SendInput(*data)) break;
  }
  if (!stop_.stop_requested()) (void)agent_->CloseStdin(id_);
}

void StdioRelay::Drain(int idle_ms, int total_ms) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::milliseconds(total_ms);
  std::unique_lock lock(mutex_);
  while (outputs_open_ > 0 && Clock::now() < end) {
    const uint64_t before = progress_;
    const auto until = std::min(end, Clock::now() + std::chrono::milliseconds(idle_ms));
    const bool moved =
        changed_.wait_until(lock, until, [&] { return outputs_open_ == 0 || progress_ != before; });
    if (!moved) return;
  }
}

void StdioRelay::CloseStdin() { Signal(stdin_event_); }

void StdioRelay::Stop() {
  stop_.request_stop();
  Signal(stop_event_);
  Signal(stdin_event_);
  for (std::thread* thread : {&out_thread_, &err_thread_, &in_thread_}) {
    if (thread->joinable()) thread->join();
  }
  in_.Reset();
  out_.Reset();
  err_.Reset();
}

}  // namespace nacre::runtime
