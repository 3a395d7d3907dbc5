// The lives of its processes: Start, Exec, Kill, State, Wait.
#include "api/containerd.h"
#include "api/containerd/events.pb.h"
#include "base/log.h"
#include "base/strings.h"
#include "runtime/shim/service.h"

namespace nacre::runtime {

namespace task = containerd::task::v2;
namespace events = containerd::events;

namespace {

constexpr int64_t kSignalTimeoutMs = 10000;
constexpr size_t kMaxExecs = 128;
constexpr uint32_t kSigkill = 9;

containerd::v1::types::Status StatusOf(ProcessStatus::State state) {
  switch (state) {
    case ProcessStatus::State::kCreated:
      return containerd::v1::types::CREATED;
    case ProcessStatus::State::kRunning:
      return containerd::v1::types::RUNNING;
    case ProcessStatus::State::kStopped:
      break;
  }
  return containerd::v1::types::STOPPED;
}

}  // namespace

absl::StatusOr<task::StartResponse> TaskService::Start(const task::StartRequest& request) {
  RETURN_IF_ERROR(CheckId(request.id()));
  ASSIGN_OR_RETURN(ProcessPointer process, Find(request.exec_id()));
  const std::shared_ptr<PodSandbox> pod = sandbox();
  if (!pod) return absl::NotFoundError(StrCat("container ", options_.id, " is being deleted"));
  const auto vm_pid = static_cast<uint32_t>(pod->vm().pid());
  if (process->is_exec()) {
    RETURN_IF_ERROR(process->Start(
        [&] {
          events::TaskExecStarted event;
          event.set_container_id(options_.id);
          event.set_exec_id(request.exec_id());
          event.set_pid(vm_pid);
          options_.publisher->Publish(api::kTaskExecStartedTopic, event);
        },
        nullptr));
  } else {
    RETURN_IF_ERROR(process->Start(
        [&] {
          events::TaskStart event;
          event.set_container_id(options_.id);
          event.set_pid(vm_pid);
          options_.publisher->Publish(api::kTaskStartTopic, event);
        },
        [pod] { pod->vm().Mark("first_output"); }));
    std::lock_guard lock(mutex_);
    oom_thread_ = std::thread([this, agent = pod->agent()] { WatchMemory(agent); });
  }
  task::StartResponse response;
  response.set_pid(vm_pid);
  return response;
}

absl::StatusOr<TaskService::Empty> TaskService::Exec(const task::ExecProcessRequest& request) {
  RETURN_IF_ERROR(CheckId(request.id()));
  RETURN_IF_ERROR(CheckIdentifier("exec id", request.exec_id()));
  ASSIGN_OR_RETURN(Json spec,
                   ParseJson(request.spec().value(), {.max_size = kMaxOciSpec, .max_depth = 16}),
                   "exec process");
  std::lock_guard lock(mutex_);
  if (!sandbox_) return absl::NotFoundError(StrCat("container ", options_.id, " is not created"));
  if (processes_.contains(request.exec_id()) || request.exec_id() == options_.id) {
    return absl::AlreadyExistsError(StrCat("process ", request.exec_id(), " exists"));
  }
  if (processes_.size() > kMaxExecs) {
    return absl::ResourceExhaustedError(StrCat("more than ", kMaxExecs, " processes"));
  }
  ASSIGN_OR_RETURN(
      processes_[request.exec_id()],
      Process::Create(sandbox_->agent(), {options_.id, request.exec_id()}, StdioPathsOf(request),
                      std::move(spec), [this](const Process& process, const ProcessStatus& status) {
                        ProcessExited(process, status);
                      }));
  events::TaskExecAdded event;
  event.set_container_id(options_.id);
  event.set_exec_id(request.exec_id());
  options_.publisher->Publish(api::kTaskExecAddedTopic, event);
  return Empty();
}

absl::StatusOr<TaskService::Empty> TaskService::Kill(const task::KillRequest& request) {
  RETURN_IF_ERROR(CheckId(request.id()));
  ASSIGN_OR_RETURN(ProcessPointer process, Find(request.exec_id()));
  const bool everyone = request.all() && !process->is_exec();
  const absl::Status status = process->Signal(request.signal(), everyone, kSignalTimeoutMs);
  // A guest that does not answer to SIGKILL of its container is ended whole.
  const bool deaf = absl::IsDeadlineExceeded(status) || absl::IsPermissionDenied(status) ||
                    absl::IsUnimplemented(status);
  if (deaf && request.signal() == kSigkill && !process->is_exec()) {
    Log(LogLevel::kWarning, "vm_killed", {{"reason", Message(status)}});
    if (const std::shared_ptr<PodSandbox> pod = sandbox()) pod->vm().Kill();
    return Empty();
  }
  RETURN_IF_ERROR(status);
  return Empty();
}

absl::StatusOr<task::StateResponse> TaskService::State(const task::StateRequest& request) {
  RETURN_IF_ERROR(CheckId(request.id()));
  ASSIGN_OR_RETURN(ProcessPointer process, Find(request.exec_id()));
  const ProcessStatus status = process->status();
  task::StateResponse response;
  response.set_id(request.id());
  response.set_bundle(options_.bundle);
  response.set_pid(pid());
  response.set_status(StatusOf(status.state));
  response.set_stdin(process->paths().in);
  response.set_stdout(process->paths().out);
  response.set_stderr(process->paths().err);
  response.set_terminal(process->paths().terminal);
  response.set_exit_status(static_cast<uint32_t>(status.exit_code));
  if (status.state == ProcessStatus::State::kStopped) {
    *response.mutable_exited_at() = status.exited_at;
  }
  response.set_exec_id(request.exec_id());
  return response;
}

absl::StatusOr<task::WaitResponse> TaskService::Wait(const Context& context,
                                                     const task::WaitRequest& request) {
  RETURN_IF_ERROR(CheckId(request.id()));
  ASSIGN_OR_RETURN(ProcessPointer process, Find(request.exec_id()));
  ASSIGN_OR_RETURN(ProcessStatus status, process->Wait(context));
  task::WaitResponse response;
  response.set_exit_status(static_cast<uint32_t>(status.exit_code));
  *response.mutable_exited_at() = status.exited_at;
  return response;
}

void TaskService::ProcessExited(const Process& process, const ProcessStatus& status) {
  events::TaskExit event;
  event.set_container_id(options_.id);
  event.set_id(process.id().exec);
  event.set_pid(pid());
  event.set_exit_status(static_cast<uint32_t>(status.exit_code));
  *event.mutable_exited_at() = status.exited_at;
  options_.publisher->Publish(api::kTaskExitTopic, event);
}

}  // namespace nacre::runtime
