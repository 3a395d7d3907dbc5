// One pod's VM with its agent and its container, from a plan to a container that is ready to start,
// and back to nothing.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "base/status.h"
#include "runtime/hypervisor/virtual_machine.h"
#include "runtime/sandbox/sandbox_plan.h"
#include "runtime/shim/agent_client.h"

namespace nacre::runtime {

class PodSandbox {
 public:
  struct Options {
    std::string bundle;     // gets the sandbox folder's path, for `delete`
    std::string state_dir;  // the accelerator's answer, and the folder of the last failed start
    std::stop_token abort;  // kills the VM; Start then fails
    VirtualMachine::ExitHandler on_exit;
  };
  // Everything between containerd's Create and its answer: the VM started, the agent reached, the
  // network set, the image pulled and the container created in the guest, all within the plan's
  // create_timeout_ms. On failure nothing runs any more, the error says in one line what the guest
  // said, and the sandbox's logs are in <state_dir>/last-failed-start.
  static absl::StatusOr<std::unique_ptr<PodSandbox>> Start(const SandboxPlan& plan,
                                                           Options options);
  ~PodSandbox();

  AgentClient* agent() { return agent_.get(); }
  VirtualMachine& vm() { return *vm_; }
  // Lets the guest put its containers away, ends the VM, removes the folder. At most about four
  // seconds.
  absl::Status Destroy();

 private:
  explicit PodSandbox(const SandboxPlan& plan) : plan_(plan) {}
  absl::Status StartVm(Options& options);
  absl::Status StartContainer(std::chrono::steady_clock::time_point deadline);
  absl::Status Explain(const absl::Status& status);

  const SandboxPlan plan_;
  bool folder_made_ = false;
  std::unique_ptr<VirtualMachine> vm_;
  std::unique_ptr<AgentClient> agent_;
};

}  // namespace nacre::runtime
