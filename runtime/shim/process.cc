#include "runtime/shim/process.h"

#include "base/log.h"
#include "base/strings.h"
#include "runtime/shim/timestamp.h"

namespace nacre::runtime {
namespace {

// How long output may stand still after a process ended before its exit is told anyway: a child it
// left behind may hold its streams open for ever. And how long in all: it may also write for ever.
constexpr int kDrainIdleMs = 2000;
constexpr int kDrainMs = 10000;

}  // namespace

Process::Process(AgentClient* agent, ProcessId id, const StdioPaths& paths,
                 std::optional<Json> exec_spec, ExitHandler on_exit)
    : agent_(agent),
      id_(std::move(id)),
      paths_(paths),
      exec_spec_(std::move(exec_spec)),
      on_exit_(std::move(on_exit)) {}

absl::StatusOr<std::shared_ptr<Process>> Process::Create(AgentClient* agent, ProcessId id,
                                                         const StdioPaths& paths,
                                                         std::optional<Json> exec_spec,
                                                         ExitHandler on_exit) {
  ASSIGN_OR_RETURN(auto relay, StdioRelay::Open(agent, id, paths));
  std::shared_ptr<Process> process(
      new Process(agent, std::move(id), paths, std::move(exec_spec), std::move(on_exit)));
  process->relay_ = std::move(relay);
  return process;
}

Process::~Process() { Close(); }

absl::Status Process::StartInGuest(std::function<void()> on_first_output) {
  if (exec_spec_) {
    RETURN_IF_ERROR(agent_->ExecProcess(id_, *exec_spec_));
    relay_->Start(std::move(on_first_output));
    return absl::OkStatus();
  }
  // The container exists already: its streams can be read before it runs, so no output waits.
  relay_->Start(std::move(on_first_output));
  return agent_->StartContainer(id_.container);
}

absl::Status Process::Start(const std::function<void()>& started,
                            std::function<void()> on_first_output) {
  {
    std::lock_guard lock(mutex_);
    if (status_.state != ProcessStatus::State::kCreated || starting_) {
      return absl::FailedPreconditionError(StrCat("process ", id_.exec, " was started before"));
    }
    starting_ = true;
  }
  const absl::Status status = StartInGuest(std::move(on_first_output));
  if (!status.ok()) {
    relay_->Stop();
    std::lock_guard lock(mutex_);
    starting_ = false;
    return status;
  }
  {
    std::lock_guard lock(mutex_);
    status_.state = ProcessStatus::State::kRunning;
  }
  started();
  watcher_ = std::thread([this] { Watch(); });
  return absl::OkStatus();
}

void Process::Watch() {
  const auto code = agent_->WaitProcess(id_);
  if (code.ok()) {
    relay_->Drain(kDrainIdleMs, kDrainMs);
  } else {
    Log(LogLevel::kWarning, "process_lost",
        {{"process", id_.exec}, {"error", Message(code.status())}});
  }
  relay_->Stop();
  Stopped(code.ok() ? *code : kGuestLostExitCode);
}

void Process::Stopped(int exit_code) {
  ProcessStatus status;
  {
    std::lock_guard lock(mutex_);
    if (status_.state == ProcessStatus::State::kStopped) return;
    status_.state = ProcessStatus::State::kStopped;
    status_.exit_code = exit_code;
    status_.exited_at = Now();
    status = status_;
  }
  on_exit_(*this, status);
  changed_.notify_all();
}

absl::Status Process::Signal(uint32_t signal, bool everyone, int64_t timeout_ms) {
  if (status().state == ProcessStatus::State::kStopped) {
    return absl::NotFoundError(StrCat("process ", id_.exec, " has finished"));
  }
  const ProcessId to{id_.container, everyone ? "" : id_.exec};  // the agent's word for all of them
  return agent_->SignalProcess(to, signal, timeout_ms);
}

absl::Status Process::Resize(uint32_t rows, uint32_t columns) {
  return agent_->ResizeTerminal(id_, rows, columns);
}

void Process::CloseStdin() { relay_->CloseStdin(); }

ProcessStatus Process::status() const {
  std::lock_guard lock(mutex_);
  ProcessStatus status = status_;
  if (starting_ && status.state == ProcessStatus::State::kCreated) {
    status.state = ProcessStatus::State::kRunning;
  }
  return status;
}

absl::StatusOr<ProcessStatus> Process::Wait(const ttrpc::CallContext& context) {
  std::unique_lock lock(mutex_);
  const auto stopped = [this] { return status_.state == ProcessStatus::State::kStopped; };
  if (context.deadline()) {
    changed_.wait_until(lock, context.stop_token(), *context.deadline(), stopped);
  } else {
    changed_.wait(lock, context.stop_token(), stopped);
  }
  if (stopped()) return status_;
  if (context.stop_token().stop_requested()) return absl::CancelledError("nobody waits any more");
  return absl::DeadlineExceededError(StrCat("process ", id_.exec, " still runs"));
}

void Process::GuestLost() {
  {
    std::lock_guard lock(mutex_);
    if (status_.state != ProcessStatus::State::kCreated || starting_) return;
  }
  Stopped(kGuestLostExitCode);
}

void Process::Close() {
  std::lock_guard lock(close_mutex_);
  relay_->Stop();
  if (watcher_.joinable()) watcher_.join();
}

}  // namespace nacre::runtime
