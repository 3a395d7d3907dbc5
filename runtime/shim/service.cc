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

#include "base/log.h"
#include "base/strings.h"
#include "net/ttrpc/proto.h"

namespace nacre::runtime {
namespace {

namespace task = containerd::task::v2;

constexpr char kService[] = "containerd.task.v2.Task";

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
    if (!absl::IsCancelled(status)) {
      Log(LogLevel::kInfo, "refused", {{"method", context.method()}, {"error", Message(status)}});
    }
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

}  // namespace nacre::runtime
