// containerd's Task service (containerd.task.v2.Task) for one container in its own VM.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "api/containerd/shim.pb.h"
#include "base/status.h"
#include "net/ttrpc/server.h"
#include "runtime/shim/event_publisher.h"
#include "runtime/shim/pod_sandbox.h"
#include "runtime/shim/process.h"

namespace nacre::runtime {

struct TaskServiceOptions {
  std::string ns;
  std::string id;
  std::string bundle;
  std::string default_config;       // used when Create brings no configuration
  EventPublisher* publisher;        // outlives the service
  std::function<void()> shut_down;  // ends the shim; must not block
};

class TaskService {
 public:
  explicit TaskService(TaskServiceOptions options);
  // Kills what still runs.
  ~TaskService();
  TaskService(const TaskService&) = delete;
  TaskService& operator=(const TaskService&) = delete;

  // All 17 methods. `server` must not serve any more when the service is destroyed.
  void Register(ttrpc::Server& server);

 private:
  using Context = ttrpc::CallContext;
  using Empty = google::protobuf::Empty;
  using ProcessPointer = std::shared_ptr<Process>;

  absl::StatusOr<containerd::task::v2::CreateTaskResponse> Create(
      const containerd::task::v2::CreateTaskRequest& request);
  absl::StatusOr<containerd::task::v2::StartResponse> Start(
      const containerd::task::v2::StartRequest& request);
  absl::StatusOr<Empty> Exec(const containerd::task::v2::ExecProcessRequest& request);
  absl::StatusOr<Empty> Kill(const containerd::task::v2::KillRequest& request);
  absl::StatusOr<containerd::task::v2::DeleteResponse> Delete(
      const containerd::task::v2::DeleteRequest& request);
  absl::StatusOr<containerd::task::v2::StateResponse> State(
      const containerd::task::v2::StateRequest& request);
  absl::StatusOr<containerd::task::v2::WaitResponse> Wait(
      const Context& context, const containerd::task::v2::WaitRequest& request);
  absl::StatusOr<containerd::task::v2::StatsResponse> Stats();
  absl::StatusOr<Empty> Shutdown();

  void RegisterProcessMethods(ttrpc::Server& server);
  void RegisterPodMethods(ttrpc::Server& server);
  void RegisterRefusals(ttrpc::Server& server);

  absl::Status CheckId(const std::string& id) const;
  absl::StatusOr<ProcessPointer> Find(const std::string& exec_id);
  absl::StatusOr<std::unique_ptr<PodSandbox>> MakeSandbox(
      const containerd::task::v2::CreateTaskRequest& request);
  struct Made {
    std::shared_ptr<PodSandbox> sandbox;
    ProcessPointer process;
  };
  absl::StatusOr<Made> MakeTask(const containerd::task::v2::CreateTaskRequest& request);
  void AbortCreate();
  absl::Status DeleteTask();
  void ProcessExited(const Process& process, const ProcessStatus& status);
  void VmEnded(const VmExit& exit);
  void WatchMemory(AgentClient* agent);
  std::shared_ptr<PodSandbox> sandbox();
  uint32_t pid();

  const TaskServiceOptions options_;
  std::stop_source abort_create_;

  std::mutex mutex_;
  bool creating_ = false;
  bool vm_ended_ = false;
  std::shared_ptr<PodSandbox> sandbox_;
  std::map<std::string, ProcessPointer> processes_;  // by exec id; "" is the first process
  std::thread oom_thread_;
  std::stop_source oom_stop_;
};

}  // namespace nacre::runtime
