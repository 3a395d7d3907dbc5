// One running VM: QEMU, the TEE emulator when there is one, and the thread that watches both.
//
// The watching thread also starts the processes, because PR_SET_PDEATHSIG is tied to the thread
// that forked: as long as the VM is watched it lives, and when the shim is killed in any way, so is
// the VM. Nothing is left to clean up but files.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>

#include "base/status.h"
#include "base/subprocess.h"
#include "base/unique_fd.h"
#include "runtime/hypervisor/qemu_command.h"
#include "runtime/hypervisor/sandbox_files.h"
#include "runtime/sandbox/sandbox_plan.h"

namespace nacre::runtime {

struct VmExit {
  ExitStatus status;   // of QEMU
  std::string reason;  // one line: what the guest or QEMU said last
};

class VirtualMachine {
 public:
  // `on_exit` is called once, from the watching thread, after all console output was read.
  using ExitHandler = std::function<void(const VmExit&)>;
  // Starts the processes; the guest boots while this returns. kNotFound names a missing program.
  static absl::StatusOr<std::unique_ptr<VirtualMachine>> Start(const SandboxPlan& plan,
                                                               const SandboxFiles& files,
                                                               Accelerator accelerator,
                                                               ExitHandler on_exit);
  // Kills and waits.
  ~VirtualMachine();
  VirtualMachine(const VirtualMachine&) = delete;
  VirtualMachine& operator=(const VirtualMachine&) = delete;

  pid_t pid() const;
  // A stream to the agent. On virtio-serial: at once, and once; bytes written before the guest
  // opens its end wait in it. On vsock: when the agent listens. kDeadlineExceeded; kUnavailable
  // when the VM ended first.
  absl::StatusOr<UniqueFd> ConnectAgent(int64_t timeout_ms);
  // Appends a milestone to the timeline.
  void Mark(std::string_view event);
  // What the guest said, for an error message; see ConsoleRecorder::Reason().
  std::string Reason() const;

  bool exited() const;
  // False when it still runs after `timeout_ms`.
  bool WaitForExit(int timeout_ms) const;
  // QMP query-status: "running", "paused", ...
  absl::StatusOr<std::string> QueryStatus(int timeout_ms);
  // Ends QEMU: QMP quit, and SIGKILL when it has not ended after `grace_ms`. Returns when it ended.
  void Stop(int grace_ms);
  // SIGKILL; returns at once. Any thread.
  void Kill();

 private:
  struct State;
  explicit VirtualMachine(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace nacre::runtime
