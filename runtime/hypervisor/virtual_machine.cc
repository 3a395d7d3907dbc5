// The watching thread sleeps in one poll over: the end of QEMU and of the emulator (pidfds), the
// console, QMP, and what both programs print to stderr. When QEMU ends it reads the console to its
// end, so the guest's last words are known, and then tells the owner.
#include "runtime/hypervisor/virtual_machine.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <future>
#include <mutex>
#include <thread>

#include "api/agent_address.h"
#include "base/strings.h"
#include "net/stream.h"
#include "runtime/hypervisor/console_recorder.h"
#include "runtime/hypervisor/qmp_client.h"
#include "runtime/hypervisor/vm_processes.h"

namespace nacre::runtime {
namespace {

constexpr size_t kMaxErrorText = 4096;
constexpr int kVsockAttemptMs = 500;  // a guest whose driver is not loaded yet does not answer
constexpr int kVsockPauseMs = 10;     // one that is loaded refuses until the agent listens

// Reads once. False at the end of the stream.
bool ReadSome(int fd, const std::function<void(ByteView)>& take) {
  uint8_t buffer[8192];
  const ssize_t size = ::recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
  if (size > 0) take({buffer, static_cast<size_t>(size)});
  return size > 0 || (size < 0 && (errno == EAGAIN || errno == EINTR));
}

// Everything that is there. Each pass takes at least a byte; the peer has ended.
void Drain(int fd, const std::function<void(ByteView)>& take) {
  uint8_t buffer[8192];
  for (ssize_t size; (size = ::recv(fd, buffer, sizeof buffer, MSG_DONTWAIT)) > 0;) {
    take({buffer, static_cast<size_t>(size)});
  }
}

}  // namespace

struct VirtualMachine::State {
  absl::Status Start(const SandboxPlan& plan, const SandboxFiles& files, Accelerator accelerator);
  void Watch();
  void TakeErrors(ByteView bytes);
  void EmulatorEnded();
  void Finish();
  std::string Reason();

  ExitHandler on_exit;
  std::optional<VmProcesses> processes;
  std::unique_ptr<ConsoleRecorder> console;
  std::unique_ptr<QmpClient> qmp;
  UniqueFd agent;
  uint32_t vsock_cid = 0;
  pid_t pid = 0;
  std::thread watcher;

  std::mutex mutex;
  std::condition_variable changed;
  bool exited = false;
  bool stopping = false;     // the end was asked for: it needs no reason
  std::string errors;        // tail of what QEMU and the emulator printed
  std::string emulator_end;  // why the emulator ended while QEMU ran
};

absl::Status VirtualMachine::State::Start(const SandboxPlan& plan, const SandboxFiles& files,
                                          Accelerator accelerator) {
  ASSIGN_OR_RETURN(console, ConsoleRecorder::Open(files.folder, std::chrono::steady_clock::now()));
  console->Mark("vm_started");
  ASSIGN_OR_RETURN(processes, StartVmProcesses(plan, files, accelerator));
  qmp = std::make_unique<QmpClient>(std::move(processes->qmp), nullptr);
  agent = std::move(processes->agent);
  vsock_cid = processes->vsock_cid;
  pid = processes->qemu.pid();
  return absl::OkStatus();
}

void VirtualMachine::State::TakeErrors(ByteView bytes) {
  std::lock_guard lock(mutex);
  errors.append(AsText(bytes));
  if (errors.size() > kMaxErrorText) errors.erase(0, errors.size() - kMaxErrorText);
}

// It ends by itself, with 0, when QEMU closes its port. Any other end leaves a guest that can prove
// nothing: end the VM and say why.
void VirtualMachine::State::EmulatorEnded() {
  Drain(processes->errors.get(), [this](ByteView bytes) { TakeErrors(bytes); });
  const auto status = processes->emulator->Wait();
  processes->emulator.reset();
  if (status.ok() && status->code == 0) return;
  {
    std::lock_guard lock(mutex);
    emulator_end = StrCat("the TEE emulator ended with code ", status.ok() ? status->code : -1);
  }
  (void)processes->qemu.Kill(SIGKILL);
}

void VirtualMachine::State::Watch() {
  enum { kQemu, kEmulator, kConsole, kQmp, kErrors, kCount };
  std::array<pollfd, kCount> fds = {};
  const auto watch = [&](int index, int fd) { fds[index] = {fd, POLLIN, 0}; };
  watch(kQemu, processes->qemu.pidfd());
  watch(kEmulator, processes->emulator ? processes->emulator->pidfd() : -1);
  watch(kConsole, processes->console.get());
  watch(kQmp, qmp->fd());
  watch(kErrors, processes->errors.get());
  const auto feed = [this](ByteView bytes) { console->Feed(bytes); };
  const auto errors_of = [this](ByteView bytes) { TakeErrors(bytes); };
  while (fds[kQemu].revents == 0) {
    if (::poll(fds.data(), fds.size(), -1) < 0) continue;  // EINTR
    if (fds[kEmulator].revents != 0) {
      EmulatorEnded();
      fds[kEmulator].fd = -1;
    }
    if (fds[kConsole].revents != 0 && !ReadSome(fds[kConsole].fd, feed)) fds[kConsole].fd = -1;
    if (fds[kErrors].revents != 0 && !ReadSome(fds[kErrors].fd, errors_of)) fds[kErrors].fd = -1;
    if (fds[kQmp].revents != 0 && !qmp->ReadAvailable().ok()) fds[kQmp].fd = -1;
  }
  Drain(processes->console.get(), feed);
  Drain(processes->errors.get(), errors_of);
  Finish();
}

void VirtualMachine::State::Finish() {
  const auto status = processes->qemu.Wait();
  if (processes->emulator) {
    (void)processes->emulator->Kill(SIGKILL);
    (void)processes->emulator->Wait();
  }
  qmp->Close(absl::UnavailableError("QEMU has ended"));
  VmExit exit;
  exit.status = status.ok() ? *status : ExitStatus{.code = 255, .signaled = false};
  {
    std::lock_guard lock(mutex);
    if (stopping) exit.reason = "stopped";
  }
  if (exit.reason.empty()) exit.reason = Reason();
  on_exit(exit);
  std::lock_guard lock(mutex);
  exited = true;
  changed.notify_all();
}

// The emulator's end explains all that follows; then the guest's own words; then QEMU's.
std::string VirtualMachine::State::Reason() {
  const std::string guest = console->Reason();
  std::lock_guard lock(mutex);
  const std::string_view tail = StripSpace(errors);
  const std::string last_error =
      PrintableLine(tail.substr(tail.rfind('\n') + 1), kMaxReason);  // npos + 1 is 0
  if (!emulator_end.empty()) {
    return last_error.empty() ? emulator_end : StrCat(emulator_end, ": ", last_error);
  }
  return guest.empty() ? last_error : guest;
}

VirtualMachine::VirtualMachine(std::unique_ptr<State> state) : state_(std::move(state)) {}

absl::StatusOr<std::unique_ptr<VirtualMachine>> VirtualMachine::Start(const SandboxPlan& plan,
                                                                      const SandboxFiles& files,
                                                                      Accelerator accelerator,
                                                                      ExitHandler on_exit) {
  auto state = std::make_unique<State>();
  state->on_exit = std::move(on_exit);
  std::promise<absl::Status> started;
  state->watcher = std::thread([&started, &plan, &files, accelerator, s = state.get()] {
    const absl::Status status = s->Start(plan, files, accelerator);
    started.set_value(status);  // plan, files and started are gone from here on
    if (status.ok()) s->Watch();
  });
  const absl::Status status = started.get_future().get();
  if (!status.ok()) {
    state->watcher.join();
    return status;
  }
  return std::unique_ptr<VirtualMachine>(new VirtualMachine(std::move(state)));
}

VirtualMachine::~VirtualMachine() {
  Kill();
  state_->watcher.join();
}

pid_t VirtualMachine::pid() const { return state_->pid; }
void VirtualMachine::Mark(std::string_view event) { state_->console->Mark(event); }
std::string VirtualMachine::Reason() const { return state_->Reason(); }

absl::StatusOr<UniqueFd> VirtualMachine::ConnectAgent(int64_t timeout_ms) {
  if (state_->vsock_cid == 0) {
    if (!state_->agent.valid()) return absl::FailedPreconditionError("agent: already connected");
    return std::move(state_->agent);
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  while (!exited()) {
    auto stream = net::ConnectVsock(state_->vsock_cid, api::kAgentVsockPort, kVsockAttemptMs);
    if (stream.ok()) return stream;
    if (std::chrono::steady_clock::now() >= deadline) {
      return absl::DeadlineExceededError(StrCat("no agent on vsock ", state_->vsock_cid, ":",
                                                api::kAgentVsockPort, ": ",
                                                Message(stream.status())));
    }
    (void)WaitForExit(kVsockPauseMs);
  }
  return absl::UnavailableError("the VM ended");
}

bool VirtualMachine::exited() const {
  std::lock_guard lock(state_->mutex);
  return state_->exited;
}

bool VirtualMachine::WaitForExit(int timeout_ms) const {
  std::unique_lock lock(state_->mutex);
  return state_->changed.wait_for(lock, std::chrono::milliseconds(timeout_ms),
                                  [this] { return state_->exited; });
}

absl::StatusOr<std::string> VirtualMachine::QueryStatus(int timeout_ms) {
  ASSIGN_OR_RETURN(Json status, state_->qmp->Execute("query-status", timeout_ms));
  return JsonString(status, "status", "query-status");
}

void VirtualMachine::Stop(int grace_ms) {
  {
    std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  if (state_->qmp->Execute("quit", grace_ms).ok() && WaitForExit(grace_ms)) return;
  Kill();
  std::unique_lock lock(state_->mutex);
  state_->changed.wait(lock, [this] { return state_->exited; });
}

void VirtualMachine::Kill() {
  std::lock_guard lock(state_->mutex);
  if (!state_->exited) (void)state_->processes->qemu.Kill(SIGKILL);
}

}  // namespace nacre::runtime
