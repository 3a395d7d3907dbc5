// SandboxPlan: everything decided about one pod's VM before anything runs. It is made once by a
// pure function and never changed; the QEMU command line, the launch inputs that are measured and
// the agent's first requests are all read from it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/status.h"
#include "runtime/config/runtime_config.h"
#include "runtime/sandbox/annotations.h"
#include "tee/common/launch_inputs.h"

namespace nacre::runtime {

// The guest's address under QEMU user networking; the host's loopback answers at the gateway.
inline constexpr std::string_view kGuestAddress = "10.0.2.15";
inline constexpr std::string_view kGuestPrefix = "24";
inline constexpr std::string_view kGuestGateway = "10.0.2.2";
inline constexpr std::string_view kGuestDns = "10.0.2.3";

struct SandboxPlan {
  std::string sandbox_id;
  std::string sandbox_dir;  // <state_dir>/<namespace>/<id>

  // The VM.
  std::string hypervisor_path;
  AcceleratorChoice accelerator = AcceleratorChoice::kAuto;
  AgentChannel agent_channel = AgentChannel::kAuto;
  Tee tee = Tee::kNone;
  std::string firmware;
  std::string kernel;
  std::string initrd;
  std::string command_line;
  std::string vcpu_type;
  std::string id_block;  // SNP: base64, or empty
  std::string id_auth;
  uint64_t vcpus = 1;
  uint64_t memory_mib = 512;
  NetworkMode network = NetworkMode::kNone;
  std::optional<std::string> initdata;  // document
  std::string emulator_path;
  std::string emulator_dir;
  std::string node_cache_socket;  // empty: the guest gets no line to a cache
  uint64_t scratch_disk_mib = 0;  // 0: the guest is offered no scratch disk
  std::string scratch_disk_folder;
  uint64_t create_timeout_ms = 60000;

  // Its container.
  std::string image_reference;
  std::string hostname;
  bool terminal = false;
  Json spec;  // the OCI spec as containerd wrote it, parsed and bounded
};

struct SandboxRequest {
  std::string ns;           // containerd namespace
  std::string id;           // container id, which is the sandbox id
  std::string_view config;  // the bundle's config.json
};

inline constexpr size_t kMaxOciSpec = 4 << 20;

// A containerd identifier: 1..76 of [A-Za-z0-9._-], starting and ending with a letter or digit.
// They become folder names, so this is checked again here.
absl::Status CheckIdentifier(std::string_view what, std::string_view id);

// kInvalidArgument and the errors of ReadAnnotations and KernelCommandLine; messages name the
// field.
absl::StatusOr<SandboxPlan> PlanSandbox(const RuntimeConfig& config, const SandboxRequest& request);

// The part of a plan that a launch measurement covers. `nacre measure --config` uses the second
// form: the same values without a pod. kFailedPrecondition when tee is none (nothing is measured).
absl::StatusOr<tee::LaunchInputs> PlanLaunchInputs(const SandboxPlan& plan);
absl::StatusOr<tee::LaunchInputs> ConfigLaunchInputs(const RuntimeConfig& config,
                                                     std::string_view pod_kernel_params,
                                                     const std::optional<std::string>& initdata);

}  // namespace nacre::runtime
