// The processes of one VM and the host ends of their channels.
#pragma once

#include <optional>

#include "base/status.h"
#include "base/subprocess.h"
#include "base/unique_fd.h"
#include "runtime/hypervisor/guest_cid.h"
#include "runtime/hypervisor/qemu_command.h"
#include "runtime/hypervisor/sandbox_files.h"

namespace nacre::runtime {

struct VmProcesses {
  Subprocess qemu;
  std::optional<Subprocess> emulator;
  // Host ends.
  UniqueFd console;
  UniqueFd qmp;
  UniqueFd agent;      // the virtio-serial port; not valid when the agent is on vsock
  uint32_t vsock_cid;  // of the guest; 0 when the agent is on virtio-serial
  UniqueFd errors;     // stderr of QEMU and emulator
  UniqueFd initdata;   // only held: see FillInitdataChannel
};

// Starts the emulator, then QEMU, with PR_SET_PDEATHSIG of the calling thread, and writes both down
// in the sandbox folder. On failure nothing is left running.
absl::StatusOr<VmProcesses> StartVmProcesses(const SandboxPlan& plan, const SandboxFiles& files,
                                             Accelerator accelerator);

}  // namespace nacre::runtime
