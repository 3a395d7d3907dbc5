// The agent's RPCs as C++ calls. Thread-safe; many calls may wait at once. Errors are the agent's
// own, except kUnavailable: the guest is gone.
#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "api/agent.pb.h"
#include "base/json.h"
#include "base/status.h"
#include "base/unique_fd.h"
#include "net/ttrpc/client.h"
#include "runtime/sandbox/sandbox_plan.h"

namespace nacre::runtime {

// Names one process of the guest. The first process's exec id is the container's id.
struct ProcessId {
  std::string container;
  std::string exec;
};

class AgentClient {
 public:
  // `channel`: see VirtualMachine::ConnectAgent(). On virtio-serial the first call doubles as the
  // wait for the guest's start.
  static absl::StatusOr<std::unique_ptr<AgentClient>> Create(UniqueFd channel);

  // CreateSandbox, then the network. `timeout_ms` covers each call.
  absl::Status CreateSandbox(const SandboxPlan& plan, int64_t timeout_ms);
  absl::Status ConfigureNetwork(int64_t timeout_ms);
  absl::Status CreateContainer(const grpc::CreateContainerRequest& request, int64_t timeout_ms);
  absl::Status StartContainer(const std::string& container);
  absl::Status ExecProcess(const ProcessId& id, const Json& process);
  absl::Status DestroySandbox(int64_t timeout_ms);

  absl::Status SignalProcess(const ProcessId& id, uint32_t signal, int64_t timeout_ms);
  // Blocks until the process ended; its exit code, 128 + signal when it was killed.
  absl::StatusOr<int> WaitProcess(const ProcessId& id);
  absl::Status ResizeTerminal(const ProcessId& id, uint32_t rows, uint32_t columns);
  absl::StatusOr<grpc::StatsContainerResponse> Stats(const std::string& container);
  // Blocks until the guest's kernel killed something for memory; the container's id.
  absl::StatusOr<std::string> NextOomEvent(std::stop_token stop);

  enum class Output { kStdout, kStderr };
  // Blocks until there is some; kOutOfRange at the end.
  absl::StatusOr<std::string> ReadOutput(Output which, const ProcessId& id, std::stop_token stop);
  // How many bytes of `data` were taken.
  absl::StatusOr<size_t> WriteStdin(const ProcessId& id, std::string_view data,
                                    std::stop_token stop);
  absl::Status CloseStdin(const ProcessId& id);

 private:
  explicit AgentClient(std::unique_ptr<ttrpc::Client> client) : client_(std::move(client)) {}
  std::unique_ptr<ttrpc::Client> client_;
};

}  // namespace nacre::runtime
