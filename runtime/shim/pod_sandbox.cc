#include "runtime/shim/pod_sandbox.h"

#include <stdio.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "base/file.h"
#include "base/log.h"
#include "base/strings.h"
#include "runtime/hypervisor/accelerator_probe.h"
#include "runtime/hypervisor/sandbox_files.h"
#include "runtime/shim/agent_requests.h"
#include "runtime/shim/bundle.h"

namespace nacre::runtime {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kLastWordsMs = 2000;  // for QEMU's end to be seen after its channel broke
constexpr int kDestroySandboxMs = 2000;
constexpr int kStopVmMs = 1000;

// At least 1, because 0 means no limit to a call.
int64_t MsLeft(Clock::time_point deadline) {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return std::max<int64_t>(left, 1);
}

// Keeps what a failed start left to read, in place of the one before.
void KeepFailedStart(const std::string& sandbox_dir, const std::string& state_dir) {
  const std::string kept = StrCat(state_dir, "/last-failed-start");
  absl::Status status = RemoveTree(kept);
  if (status.ok() && ::rename(sandbox_dir.c_str(), kept.c_str()) != 0) {
    status = ErrnoStatus(errno, StrCat("keeping ", sandbox_dir));
  }
  if (!status.ok()) {
    Log(LogLevel::kWarning, "failed_start_not_kept", {{"error", Message(status)}});
    (void)RemoveTree(sandbox_dir);
  }
}

}  // namespace

PodSandbox::~PodSandbox() {
  vm_.reset();  // closes the channel, so the agent's calls end
}

absl::Status PodSandbox::StartVm(Options& options) {
  ASSIGN_OR_RETURN(SandboxFiles files, MakeSandboxFiles(plan_));
  folder_made_ = true;
  RETURN_IF_ERROR(WriteSandboxPath(options.bundle, plan_.sandbox_dir));
  ProbeOptions probe;
  probe.hypervisor_path = plan_.hypervisor_path;
  probe.kernel = plan_.kernel;
  probe.state_dir = options.state_dir;
  ASSIGN_OR_RETURN(AcceleratorAnswer answer, ChooseAccelerator(plan_.accelerator, probe),
                   "accelerator");
  Log(LogLevel::kInfo, "vm_starting",
      {{"accelerator", AcceleratorName(answer.accelerator)}, {"reason", answer.reason}});
  ASSIGN_OR_RETURN(
      vm_, VirtualMachine::Start(plan_, files, answer.accelerator, std::move(options.on_exit)));
  return absl::OkStatus();
}

absl::Status PodSandbox::StartContainer(Clock::time_point deadline) {
  ASSIGN_OR_RETURN(auto request, CreateContainerRequestFor(plan_));
  ASSIGN_OR_RETURN(UniqueFd channel, vm_->ConnectAgent(MsLeft(deadline)));
  ASSIGN_OR_RETURN(agent_, AgentClient::Create(std::move(channel)));
  RETURN_IF_ERROR(agent_->CreateSandbox(plan_, MsLeft(deadline)));
  vm_->Mark("sandbox_ready");
  if (plan_.network == NetworkMode::kUser) {
    RETURN_IF_ERROR(agent_->ConfigureNetwork(MsLeft(deadline)));
  }
  RETURN_IF_ERROR(agent_->CreateContainer(request, MsLeft(deadline)));
  vm_->Mark("container_created");
  return absl::OkStatus();
}

// The agent's own answer is the best explanation. When none came, the console has the reason.
absl::Status PodSandbox::Explain(const absl::Status& status) {
  if (!vm_) return status;
  const bool silent = absl::IsUnavailable(status) || absl::IsCancelled(status);
  if (silent && vm_->WaitForExit(kLastWordsMs)) {
    const std::string reason = vm_->Reason();
    return absl::UnavailableError(
        StrCat("the guest ended while it started: ", reason.empty() ? "it said nothing" : reason));
  }
  if (absl::IsDeadlineExceeded(status)) {
    const std::string reason = vm_->Reason();
    return absl::DeadlineExceededError(
        StrCat("the guest was not ready in ", plan_.create_timeout_ms,
               " ms (create_timeout_ms); it said last: ", reason.empty() ? "nothing" : reason));
  }
  return status;
}

absl::StatusOr<std::unique_ptr<PodSandbox>> PodSandbox::Start(const SandboxPlan& plan,
                                                              Options options) {
  const auto deadline = Clock::now() + std::chrono::milliseconds(plan.create_timeout_ms);
  std::unique_ptr<PodSandbox> sandbox(new PodSandbox(plan));
  absl::Status status = sandbox->StartVm(options);
  if (status.ok()) {
    const std::stop_callback kill(options.abort, [&] { sandbox->vm_->Kill(); });
    status = sandbox->StartContainer(deadline);
  }
  if (status.ok()) return sandbox;
  status = sandbox->Explain(status);
  if (sandbox->vm_) sandbox->vm_->Stop(kStopVmMs);
  if (sandbox->folder_made_) KeepFailedStart(plan.sandbox_dir, options.state_dir);
  return status;
}

absl::Status PodSandbox::Destroy() {
  if (!vm_->exited()) {
    // Removes its containers too. It may end the guest before it answers.
    (void)agent_->DestroySandbox(kDestroySandboxMs);
    vm_->Stop(kStopVmMs);
  }
  return RemoveTree(plan_.sandbox_dir);
}

}  // namespace nacre::runtime
