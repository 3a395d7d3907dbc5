// The QEMU command line of a plan. A pure function, held by golden files in testdata/: one line of
// a golden file is one argument, so a review sees exactly what a change does to the machine.
//
// What has run and what has not: "none" and "emulated-snp" run on QEMU 7.2 and later. "snp" needs
// QEMU 9.1 (sev-snp-guest) and "tdx" 10.1 (tdx-guest) and hardware; those two are checked against
// QEMU's documentation by golden files only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "runtime/sandbox/sandbox_plan.h"

namespace nacre::runtime {

enum class Accelerator { kKvm, kTcg };
std::string_view AcceleratorName(Accelerator accelerator);

// AMD's memory encryption bits of this host: CPUID Fn8000_001F EBX.
struct SevHostFacts {
  uint32_t cbit_position = 51;
  uint32_t reduced_phys_bits = 1;
};

// A claimed vsock machine: the vhost device's descriptor in the child, and the guest's context id.
struct VsockDevice {
  int fd = -1;
  uint32_t cid = 0;
};

// What is known only when the VM is about to start. Descriptors are numbers in the child: each is
// one end of a socket pair, so no other process of the host can connect to the guest's channels.
struct VmResources {
  Accelerator accelerator = Accelerator::kTcg;
  int console_fd = -1;
  int qmp_fd = -1;
  int agent_fd = -1;                 // of the virtio-serial port; -1 with `vsock`
  std::optional<VsockDevice> vsock;  // in place of agent_fd
  int tee_fd = -1;                   // emulated-snp only
  int blobs_fd = -1;                 // of the node cache's port; -1 without one
  int scratch_fd = -1;               // a nameless file for the scratch disk; -1 without one
  int initdata_fd = -1;              // of the initdata port; empty without initdata
  std::optional<SevHostFacts> sev;   // snp only
  std::string quote_service_socket;  // tdx only: unix socket of the quote generation service
};

// The guest's network card, found by this address in the guest.
inline constexpr std::string_view kGuestMac = "02:6e:61:63:72:65";

// argv, argv[0] being the hypervisor's path. kInvalidArgument when plan and resources do not match,
// kFailedPrecondition for snp or tdx without KVM.
absl::StatusOr<std::vector<std::string>> QemuCommand(const SandboxPlan& plan,
                                                     const VmResources& resources);

}  // namespace nacre::runtime
