#include "runtime/sandbox/sandbox_plan.h"

#include <algorithm>
#include <cctype>

#include "base/strings.h"
#include "runtime/sandbox/kernel_command_line.h"
#include "tee/common/initdata.h"

namespace nacre::runtime {
namespace {

constexpr size_t kMaxIdentifier = 76;

// What QEMU's SNP guest turns on in the VMSA: SNPActive.
constexpr uint64_t kSnpGuestFeatures = 0x1;

absl::StatusOr<Annotations> SpecAnnotations(const Json& spec) {
  Annotations out;
  const auto found = spec.find("annotations");
  if (found == spec.end() || found->is_null()) return out;
  if (!found->is_object()) {
    return absl::InvalidArgumentError("config.json: annotations is not an object");
  }
  for (const auto& [name, value] : found->items()) {
    if (!value.is_string()) {
      return absl::InvalidArgumentError(
          StrCat("config.json: annotation ", name, " is not a string"));
    }
    out.emplace(name, value.get<std::string>());
  }
  return out;
}

// The VM's half, which needs no pod beyond two strings: shared by PlanSandbox and `nacre measure`.
absl::StatusOr<SandboxPlan> PlanVm(const RuntimeConfig& config, std::string_view pod_params,
                                   const std::optional<std::string>& initdata) {
  const HypervisorConfig& hypervisor = config.hypervisor;
  SandboxPlan plan;
  ASSIGN_OR_RETURN(plan.command_line,
                   KernelCommandLine(hypervisor.tee, hypervisor.kernel_params, pod_params));
  plan.hypervisor_path = hypervisor.path;
  plan.accelerator = hypervisor.accelerator;
  plan.agent_channel = hypervisor.agent_channel;
  plan.tee = hypervisor.tee;
  plan.firmware = hypervisor.firmware;
  plan.kernel = hypervisor.kernel;
  plan.initrd = hypervisor.initrd;
  plan.vcpu_type = hypervisor.vcpu_type;
  plan.id_block = hypervisor.id_block;
  plan.id_auth = hypervisor.id_auth;
  plan.vcpus = hypervisor.vcpus;
  plan.memory_mib = hypervisor.memory_mib;
  plan.network = config.network.mode;
  plan.initdata = initdata;
  plan.emulator_path = config.emulator.path;
  plan.emulator_dir = config.emulator.dir;
  plan.node_cache_socket = config.node_cache.socket;
  plan.scratch_disk_mib = config.scratch_disk.size_mib;
  plan.scratch_disk_folder = config.scratch_disk.folder;
  plan.create_timeout_ms = config.runtime.create_timeout_ms;
  return plan;
}

absl::Status ReadContainer(Json spec, SandboxPlan* plan) {
  const auto process = spec.find("process");
  if (process == spec.end() || !process->is_object()) {
    return absl::InvalidArgumentError("config.json: process is missing");
  }
  if (const auto terminal = process->find("terminal"); terminal != process->end()) {
    if (!terminal->is_boolean()) {
      return absl::InvalidArgumentError("config.json: process.terminal is not true or false");
    }
    plan->terminal = terminal->get<bool>();
  }
  if (const auto hostname = spec.find("hostname"); hostname != spec.end()) {
    if (!hostname->is_string()) {
      return absl::InvalidArgumentError("config.json: hostname is not a string");
    }
    plan->hostname = hostname->get<std::string>();
  }
  plan->spec = std::move(spec);
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckIdentifier(std::string_view what, std::string_view id) {
  const auto alphanumeric = [](unsigned char c) { return std::isalnum(c) && c < 0x80; };
  const auto allowed = [&](unsigned char c) {
    return alphanumeric(c) || c == '.' || c == '_' || c == '-';
  };
  const bool ok = !id.empty() && id.size() <= kMaxIdentifier && alphanumeric(id.front()) &&
                  alphanumeric(id.back()) && std::all_of(id.begin(), id.end(), allowed);
  if (ok) return absl::OkStatus();
  return absl::InvalidArgumentError(
      StrCat(what, ": expected 1 to ", kMaxIdentifier,
             " letters, digits, '.', '_' or '-', starting and ending with a letter or digit"));
}

absl::StatusOr<SandboxPlan> PlanSandbox(const RuntimeConfig& config,
                                        const SandboxRequest& request) {
  RETURN_IF_ERROR(CheckIdentifier("namespace", request.ns));
  RETURN_IF_ERROR(CheckIdentifier("container id", request.id));
  ASSIGN_OR_RETURN(Json spec, ParseJson(request.config, {.max_size = kMaxOciSpec, .max_depth = 32}),
                   "config.json");
  if (!spec.is_object()) return absl::InvalidArgumentError("config.json: expected an object");
  ASSIGN_OR_RETURN(Annotations annotations, SpecAnnotations(spec));
  ASSIGN_OR_RETURN(PodSettings settings,
                   ReadAnnotations(annotations, config.runtime.enable_annotations));
  ASSIGN_OR_RETURN(SandboxPlan plan, PlanVm(config, settings.kernel_params, settings.initdata));
  plan.sandbox_id = request.id;
  plan.sandbox_dir = StrCat(config.runtime.state_dir, "/", request.ns, "/", request.id);
  plan.image_reference = settings.image_reference;
  RETURN_IF_ERROR(ReadContainer(std::move(spec), &plan));
  return plan;
}

absl::StatusOr<tee::LaunchInputs> PlanLaunchInputs(const SandboxPlan& plan) {
  if (plan.tee == Tee::kNone) {
    return absl::FailedPreconditionError("[hypervisor] tee = \"none\": nothing is measured");
  }
  tee::LaunchInputs inputs;
  inputs.mode = plan.tee == Tee::kTdx ? tee::LaunchMode::kTdx : tee::LaunchMode::kSnp;
  inputs.vmm = tee::VmmProfile::kQemu;
  inputs.firmware_path = plan.firmware;
  inputs.kernel_path = plan.kernel;
  inputs.initrd_path = plan.initrd;
  inputs.command_line = plan.command_line;
  if (plan.tee == Tee::kTdx) inputs.memory_bytes = plan.memory_mib << 20;
  inputs.vcpus = static_cast<uint32_t>(plan.vcpus);
  inputs.vcpu_type = plan.vcpu_type;
  inputs.guest_features = kSnpGuestFeatures;
  if (plan.initdata) {
    ASSIGN_OR_RETURN(Bytes digest, tee::InitdataDigest(*plan.initdata), "initdata");
    inputs.host_data = tee::InitdataHostData(digest);
  }
  RETURN_IF_ERROR(inputs.Validate());
  return inputs;
}

absl::StatusOr<tee::LaunchInputs> ConfigLaunchInputs(const RuntimeConfig& config,
                                                     std::string_view pod_kernel_params,
                                                     const std::optional<std::string>& initdata) {
  ASSIGN_OR_RETURN(SandboxPlan plan, PlanVm(config, pod_kernel_params, initdata));
  return PlanLaunchInputs(plan);
}

}  // namespace nacre::runtime
