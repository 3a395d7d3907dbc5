// The life of the pod: Create, Delete, Shutdown, and what its VM does by itself.
#include "api/containerd.h"
#include "api/containerd/events.pb.h"
#include "base/file.h"
#include "base/log.h"
#include "base/strings.h"
#include "runtime/shim/create_options.h"
#include "runtime/shim/resident_memory.h"
#include "runtime/shim/service.h"
#include "runtime/shim/task_stats.h"

namespace nacre::runtime {

namespace task = containerd::task::v2;
namespace events = containerd::events;

absl::StatusOr<std::unique_ptr<PodSandbox>> TaskService::MakeSandbox(
    const task::CreateTaskRequest& request) {
  ASSIGN_OR_RETURN(RuntimeConfig config, ConfigForCreate(request, options_.default_config));
  ASSIGN_OR_RETURN(std::string spec,
                   ReadTextFile(StrCat(options_.bundle, "/config.json"), kMaxOciSpec));
  ASSIGN_OR_RETURN(SandboxPlan plan, PlanSandbox(config, {options_.ns, options_.id, spec}));
  PodSandbox::Options options;
  options.bundle = options_.bundle;
  options.state_dir = config.runtime.state_dir;
  options.abort = abort_create_.get_token();
  options.on_exit = [this](const VmExit& exit) { VmEnded(exit); };
  return PodSandbox::Start(plan, std::move(options));
}

absl::StatusOr<TaskService::Made> TaskService::MakeTask(const task::CreateTaskRequest& request) {
  Made made;
  ASSIGN_OR_RETURN(made.sandbox, MakeSandbox(request));
  auto process = Process::Create(
      made.sandbox->agent(), {options_.id, options_.id}, StdioPathsOf(request), std::nullopt,
      [this](const Process& p, const ProcessStatus& status) { ProcessExited(p, status); });
  if (!process.ok()) {
    (void)made.sandbox->Destroy();
    return process.status();
  }
  made.process = *std::move(process);
  return made;
}

absl::StatusOr<task::CreateTaskResponse> TaskService::Create(
    const task::CreateTaskRequest& request) {
  RETURN_IF_ERROR(CheckId(request.id()));
  if (!request.checkpoint().empty() || !request.parent_checkpoint().empty()) {
    return absl::UnimplementedError("a confidential guest cannot be restored from a checkpoint");
  }
  {
    std::lock_guard lock(mutex_);
    if (creating_ || sandbox_) {
      return absl::AlreadyExistsError(StrCat("container ", options_.id, " is created already"));
    }
    creating_ = true;
  }
  auto made = MakeTask(request);
  std::unique_lock lock(mutex_);
  creating_ = false;
  RETURN_IF_ERROR(made.status());
  sandbox_ = std::move(made->sandbox);
  const ProcessPointer process = processes_[""] = std::move(made->process);
  events::TaskCreate event;
  event.set_container_id(options_.id);
  event.set_bundle(request.bundle());
  event.mutable_io()->set_stdin(request.stdin());
  event.mutable_io()->set_stdout(request.stdout());
  event.mutable_io()->set_stderr(request.stderr());
  event.mutable_io()->set_terminal(request.terminal());
  event.set_pid(static_cast<uint32_t>(sandbox_->vm().pid()));
  options_.publisher->Publish(api::kTaskCreateTopic, event);
  const bool vm_ended = vm_ended_;
  lock.unlock();
  if (vm_ended) process->GuestLost();  // it ended when there was no process to tell
  task::CreateTaskResponse response;
  response.set_pid(event.pid());
  return response;
}

absl::StatusOr<task::DeleteResponse> TaskService::Delete(const task::DeleteRequest& request) {
  RETURN_IF_ERROR(CheckId(request.id()));
  const bool whole_task = request.exec_id().empty();
  if (whole_task) AbortCreate();
  ASSIGN_OR_RETURN(ProcessPointer process, Find(request.exec_id()));
  const ProcessStatus status = process->status();
  if (status.state == ProcessStatus::State::kRunning) {
    return absl::FailedPreconditionError(StrCat("process ", process->id().exec, " is running"));
  }
  events::TaskDelete event;
  event.set_container_id(options_.id);
  event.set_pid(pid());
  event.set_exit_status(static_cast<uint32_t>(status.exit_code));
  *event.mutable_exited_at() = status.exited_at;
  event.set_id(request.exec_id());
  process->Close();
  if (whole_task) {
    process.reset();
    if (absl::Status removed = DeleteTask(); !removed.ok()) {
      Log(LogLevel::kError, "sandbox_not_removed", {{"error", Message(removed)}});
    }
  } else {
    std::lock_guard lock(mutex_);
    processes_.erase(request.exec_id());
  }
  options_.publisher->Publish(api::kTaskDeleteTopic, event);
  task::DeleteResponse response;
  response.set_pid(event.pid());
  response.set_exit_status(event.exit_status());
  *response.mutable_exited_at() = event.exited_at();
  return response;
}

// Nobody waits for the answer of a Create under way any more.
void TaskService::AbortCreate() {
  std::lock_guard lock(mutex_);
  if (creating_) abort_create_.request_stop();
}

// The VM goes first: that ends every call the process threads wait in, so they can be joined, and
// only then may the agent's client go.
absl::Status TaskService::DeleteTask() {
  std::shared_ptr<PodSandbox> pod;
  std::map<std::string, ProcessPointer> processes;
  std::thread oom_thread;
  {
    std::lock_guard lock(mutex_);
    pod = std::move(sandbox_);
    processes = std::exchange(processes_, {});
    oom_thread = std::move(oom_thread_);
  }
  if (!pod) return absl::OkStatus();
  oom_stop_.request_stop();
  const absl::Status status = pod->Destroy();
  if (oom_thread.joinable()) oom_thread.join();
  for (auto& [exec_id, process] : processes) process->Close();
  processes.clear();
  return status;
}

absl::StatusOr<TaskService::Empty> TaskService::Shutdown() {
  AbortCreate();
  std::lock_guard lock(mutex_);
  // containerd calls this after every Delete; while a task lives it means nothing.
  if (!sandbox_) options_.shut_down();
  return Empty();
}

absl::StatusOr<task::StatsResponse> TaskService::Stats() {
  const std::shared_ptr<PodSandbox> pod = sandbox();
  if (!pod) return absl::NotFoundError(StrCat("container ", options_.id, " is not created"));
  ASSIGN_OR_RETURN(auto stats, pod->agent()->Stats(options_.id));
  task::StatsResponse response;
  *response.mutable_stats() = api::PackForContainerd(MetricsFromGuest(stats));
  return response;
}

void TaskService::VmEnded(const VmExit& exit) {
  Log(LogLevel::kInfo, "vm_ended",
      {{"code", exit.status.code}, {"signaled", exit.status.signaled}, {"reason", exit.reason}});
  std::map<std::string, ProcessPointer> processes;
  {
    std::lock_guard lock(mutex_);
    vm_ended_ = true;
    processes = processes_;
  }
  for (auto& [exec_id, process] : processes) process->GuestLost();
}

void TaskService::WatchMemory(AgentClient* agent) {
  // The pod has started: what ran for that is not needed from here on.
  if (const auto dropped = DropCleanFilePages(); !dropped.ok()) {
    Log(LogLevel::kWarning, "pages_not_dropped", {{"error", Message(dropped.status())}});
  }
  while (true) {
    const auto container = agent->NextOomEvent(oom_stop_.get_token());
    if (!container.ok()) return;  // the guest went, or its owner does not want it known
    events::TaskOOM event;
    event.set_container_id(*container);
    options_.publisher->Publish(api::kTaskOomTopic, event);
  }
}

}  // namespace nacre::runtime
