// One pod start, as the host sees it.
//
//   containerd                    shim                                     guest
//   ----------                    ----                                     -----
//   runs `... start`       ->     binds a socket, runs itself again
//                                 with it, prints its address
//   Create                 ->     config + OCI spec -> SandboxPlan
//                                 QEMU and TEE emulator start      ->      firmware, kernel, init
//                                 CreateSandbox, sent at once and          reads initdata, compares
//                                 it waiting in the port's socket     ->      with its own report,
//                                 opens
//                                                                          its port, answers
//                                 UpdateInterface, UpdateRoutes    ->      network up
//                                 CreateContainer                  ->      attests, gets keys,
//                                 pulls,
//                          <-     pid, TaskCreate                  <-      decrypts; crun create
//   Start                  ->     stream threads, StartContainer   ->      crun start
//                          <-     TaskStart
//   reads FIFOs            <-     ReadStdout, ReadStderr loops     <->     output
//                          <-     TaskExit, after the last output  <-      WaitProcess answers
//   Delete                 ->     DestroySandbox, QMP quit        ->      containers removed
//                          <-     TaskDelete
//   Shutdown               ->     the shim ends
//
// The guest boots inside Create because that is where its errors can be told: what fails between
// the first instruction and the created container comes back as Create's error, in the guest's own
// words. The shim never looks inside: it knows the agent's protocol and QEMU, nothing else.
//
// Who ends what. The VM's life is the pod's: when QEMU dies by itself, every process of it exits
// with 137. When the shim dies, the kernel kills QEMU and the emulator (PR_SET_PDEATHSIG), and
// containerd runs `... delete`. When containerd dies, nothing ends: events wait in the publisher's
// queue, and a new containerd finds the shim by the bundle's `address` file.
#include "runtime/shim/service.h"

#include <google/protobuf/empty.pb.h>

#include "api/containerd.h"
#include "api/containerd/events.pb.h"
#include "base/file.h"
#include "base/log.h"
#include "base/strings.h"
#include "net/ttrpc/proto.h"
#include "runtime/shim/create_options.h"
#include "runtime/shim/task_stats.h"

namespace nacre::runtime {
namespace {

namespace task = containerd::task::v2;
namespace events = containerd::events;

constexpr char kService[] = "containerd.task.v2.Task";
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

template <typename Request>
StdioPaths PathsOf(const Request& request) {
  return {request.stdin(), request.stdout(), request.stderr(), request.terminal()};
}

// containerd prints errors on one line; what comes from the guest may hold anything.
absl::Status OneLine(const absl::Status& status) {
  constexpr size_t kMaxMessage = 4096;
  std::string text(Message(status).substr(0, kMaxMessage));
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return absl::Status(status.code(), text);
}

// A handler whose errors are logged once and fit on a line.
template <typename Request, typename Function>
ttrpc::Handler TaskHandler(Function function) {
  ttrpc::Handler inner = ttrpc::ProtoHandler<Request>(std::move(function));
  return [inner = std::move(inner)](const ttrpc::CallContext& context,
                                    std::string_view payload) -> absl::StatusOr<std::string> {
    auto answer = inner(context, payload);
    if (answer.ok()) return answer;
    const absl::Status status = OneLine(answer.status());
    Log(LogLevel::kInfo, "refused", {{"method", context.method()}, {"error", Message(status)}});
    return status;
  };
}

}  // namespace

TaskService::TaskService(TaskServiceOptions options) : options_(std::move(options)) {}

TaskService::~TaskService() { (void)DeleteTask(); }

void TaskService::Register(ttrpc::Server& server) {
  RegisterPodMethods(server);
  RegisterProcessMethods(server);
  RegisterRefusals(server);
}

void TaskService::RegisterPodMethods(ttrpc::Server& server) {
  const auto add = [&](const char* method, ttrpc::Handler handler) {
    server.RegisterMethod(kService, method, std::move(handler));
  };
  add("Create", TaskHandler<task::CreateTaskRequest>(
                    [this](const Context&, const auto& request) { return Create(request); }));
  add("Shutdown", TaskHandler<task::ShutdownRequest>(
                      [this](const Context&, const auto&) { return Shutdown(); }));
  add("Stats",
      TaskHandler<task::StatsRequest>([this](const Context&, const auto&) { return Stats(); }));
  add("Connect", TaskHandler<task::ConnectRequest>(
                     [this](const Context&, const auto&) -> absl::StatusOr<task::ConnectResponse> {
                       task::ConnectResponse response;
                       response.set_shim_pid(static_cast<uint32_t>(::getpid()));
                       response.set_task_pid(pid());
                       return response;
                     }));
  // The guest's processes have no pids here; the VM has.
  add("Pids", TaskHandler<task::PidsRequest>(
                  [this](const Context&, const auto&) -> absl::StatusOr<task::PidsResponse> {
                    task::PidsResponse response;
                    if (const uint32_t vm = pid()) response.add_processes()->set_pid(vm);
                    return response;
                  }));
}

void TaskService::RegisterProcessMethods(ttrpc::Server& server) {
  const auto add = [&](const char* method, ttrpc::Handler handler) {
    server.RegisterMethod(kService, method, std::move(handler));
  };
  add("Start", TaskHandler<task::StartRequest>(
                   [this](const Context&, const auto& request) { return Start(request); }));
  add("Exec", TaskHandler<task::ExecProcessRequest>(
                  [this](const Context&, const auto& request) { return Exec(request); }));
  add("Kill", TaskHandler<task::KillRequest>(
                  [this](const Context&, const auto& request) { return Kill(request); }));
  add("Delete", TaskHandler<task::DeleteRequest>(
                    [this](const Context&, const auto& request) { return Delete(request); }));
  add("State", TaskHandler<task::StateRequest>(
                   [this](const Context&, const auto& request) { return State(request); }));
  add("Wait", TaskHandler<task::WaitRequest>([this](const Context& context, const auto& request) {
        return Wait(context, request);
      }));
  add("ResizePty", TaskHandler<task::ResizePtyRequest>(
                       [this](const Context&, const auto& request) -> absl::StatusOr<Empty> {
                         ASSIGN_OR_RETURN(ProcessPointer process, Find(request.exec_id()));
                         RETURN_IF_ERROR(process->Resize(request.height(), request.width()));
                         return Empty();
                       }));
  add("CloseIO", TaskHandler<task::CloseIORequest>(
                     [this](const Context&, const auto& request) -> absl::StatusOr<Empty> {
                       ASSIGN_OR_RETURN(ProcessPointer process, Find(request.exec_id()));
                       if (request.stdin()) process->CloseStdin();
                       return Empty();
                     }));
}

void TaskService::RegisterRefusals(ttrpc::Server& server) {
  for (const char* method : {"Pause", "Resume", "Checkpoint", "Update"}) {
    server.RegisterMethod(
        kService, method,
        [method](const Context&, std::string_view) -> absl::StatusOr<std::string> {
          return absl::UnimplementedError(
              StrCat(method, ": not possible for a confidential guest"));
        });
  }
}

absl::Status TaskService::CheckId(const std::string& id) const {
  if (id == options_.id) return absl::OkStatus();
  return absl::NotFoundError(StrCat("container ", id, " is not in this shim"));
}

absl::StatusOr<TaskService::ProcessPointer> TaskService::Find(const std::string& exec_id) {
  std::lock_guard lock(mutex_);
  const auto found = processes_.find(exec_id);
  if (found != processes_.end()) return found->second;
  return absl::NotFoundError(exec_id.empty() ? StrCat("container ", options_.id, " is not created")
                                             : StrCat("process ", exec_id, " does not exist"));
}

std::shared_ptr<PodSandbox> TaskService::sandbox() {
  std::lock_guard lock(mutex_);
  return sandbox_;
}

uint32_t TaskService::pid() {
  const std::shared_ptr<PodSandbox> pod = sandbox();
  return pod ? static_cast<uint32_t>(pod->vm().pid()) : 0;
}

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
      made.sandbox->agent(), {options_.id, options_.id}, PathsOf(request), std::nullopt,
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
      Process::Create(sandbox_->agent(), {options_.id, request.exec_id()}, PathsOf(request),
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
  const absl::Status status = process->Signal(request.signal(), kSignalTimeoutMs);
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

absl::StatusOr<task::StatsResponse> TaskService::Stats() {
  const std::shared_ptr<PodSandbox> pod = sandbox();
  if (!pod) return absl::NotFoundError(StrCat("container ", options_.id, " is not created"));
  ASSIGN_OR_RETURN(auto stats, pod->agent()->Stats(options_.id));
  task::StatsResponse response;
  *response.mutable_stats() = api::PackForContainerd(MetricsFromGuest(stats));
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

void TaskService::ProcessExited(const Process& process, const ProcessStatus& status) {
  events::TaskExit event;
  event.set_container_id(options_.id);
  event.set_id(process.id().exec);
  event.set_pid(pid());
  event.set_exit_status(static_cast<uint32_t>(status.exit_code));
  *event.mutable_exited_at() = status.exited_at;
  options_.publisher->Publish(api::kTaskExitTopic, event);
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
  while (true) {
    const auto container = agent->NextOomEvent(oom_stop_.get_token());
    if (!container.ok()) return;  // the guest went, or its owner does not want it known
    events::TaskOOM event;
    event.set_container_id(*container);
    options_.publisher->Publish(api::kTaskOomTopic, event);
  }
}

}  // namespace nacre::runtime
