// Which accelerator this host really has. A /dev/kvm that opens proves nothing: it has been seen to
// open, to create a VM, and then to hang every stock kernel in early boot. So "auto" boots a tiny
// guest once per boot of the host, with a deadline, and remembers the answer.
#pragma once

#include <string>

#include "base/status.h"
#include "runtime/config/runtime_config.h"
#include "runtime/hypervisor/qemu_command.h"

namespace nacre::runtime {

struct ProbeOptions {
  std::string hypervisor_path;
  std::string kernel;
  std::string state_dir;  // keeps accelerator.json; made when missing
  int deadline_ms = 8000;
  std::string kvm_device = "/dev/kvm";
  std::string boot_id_path = "/proc/sys/kernel/random/boot_id";
};

struct AcceleratorAnswer {
  Accelerator accelerator = Accelerator::kTcg;
  std::string reason;  // one line for the log
};

// `choice` kvm and tcg are taken at their word. Auto: KVM when the probe guest spoke in time, else
// TCG. Errors only when the state folder cannot be used or the hypervisor is missing; a failed
// probe is an answer. Concurrent callers wait for one probe.
absl::StatusOr<AcceleratorAnswer> ChooseAccelerator(AcceleratorChoice choice,
                                                    const ProbeOptions& options);

}  // namespace nacre::runtime
