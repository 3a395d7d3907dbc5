// A container is reserved by id first, so that two requests never build the same one, and its own
// mutex then orders what happens to it. Pulling an image may take minutes: nothing but that
// container waits for it.

#include "guest-agent/container/containers.h"

#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "base/file.h"
#include "base/strings.h"
#include "guest-agent/container/merge.h"
#include "guest-agent/container/runtime_spec.h"
#include "guest-agent/limits.h"

namespace nacre::guest_agent {
namespace {

enum class State { kCreating, kCreated, kRunning, kRemoving };

std::string_view StateName(State state) {
  constexpr std::string_view kNames[] = {"being created", "created", "running", "being removed"};
  return kNames[static_cast<int>(state)];
}

struct Stdio {
  ProcessStreams streams;
  StdioPipes pipes;
};

absl::StatusOr<Stdio> MakeStdio(bool terminal, bool discard_output) {
  Stdio out;
  out.streams.terminal = terminal;
  if (terminal && discard_output)
    return absl::FailedPreconditionError("a terminal needs a policy that allows ReadStreamRequest");
  if (terminal) return out;
  ASSIGN_OR_RETURN(out.pipes, MakeStdioPipes(discard_output));
  out.streams.input = out.pipes.input;
  out.streams.output = out.pipes.output;
  out.streams.error = out.pipes.error;
  return out;
}

CrunStdio ChildEnds(const StdioPipes& pipes) {
  return {pipes.child_input.get(), pipes.child_output.get(), pipes.child_error.get()};
}

// The request's `string_user` wins over the ids in its process.
grpc::Process WithStringUser(const grpc::StringUser& user, grpc::Process process) {
  if (user.uid().empty()) return process;
  process.mutable_user()->set_username(user.gid().empty() ? user.uid()
                                                          : StrCat(user.uid(), ":", user.gid()));
  return process;
}

// Takes over what crun launched.
absl::StatusOr<std::shared_ptr<Process>> Adopt(Crun::Launched launched, Stdio stdio) {
  if (stdio.streams.terminal) {
    ASSIGN_OR_RETURN(stdio.streams.output, Stream::Create(std::move(launched.terminal)));
    stdio.streams.input = stdio.streams.output;
    ASSIGN_OR_RETURN(stdio.streams.error, Stream::Create(UniqueFd()));
  }
  return Process::Adopt(launched.pid, std::move(stdio.streams));
}

}  // namespace

struct Containers::Container {
  Container(std::string container_id, std::string container_folder)
      : id(std::move(container_id)), folder(std::move(container_folder)) {}

  const std::string id;
  const std::string folder;
  std::mutex mutex;  // guards what follows
  State state = State::kCreating;
  bool mounted = false;
  grpc::Process process;  // merged, of the first process
  uint64_t next_exec = 0;
  std::map<std::string, std::shared_ptr<Process>> processes;  // "" is the first

  std::string rootfs() const { return folder + "/rootfs"; }
  // The host has been told how they ended; their output had its time to be read.
  void ForgetEndedExecs() {
    std::erase_if(processes, [](const auto& entry) {
      return !entry.first.empty() && entry.second->exit_known();
    });
  }
  absl::Status Expect(State wanted) const {
    if (state == wanted) return absl::OkStatus();
    return absl::FailedPreconditionError(StrCat("container '", id, "' is ", StateName(state)));
  }
};

absl::Status CheckId(std::string_view id, std::string_view what) {
  const auto allowed = [](char c) {
    return absl::ascii_isalnum(c) || c == '_' || c == '.' || c == '-';
  };
  if (!id.empty() && id.size() <= kMaxIdLength && absl::ascii_isalnum(id[0]) &&
      std::ranges::all_of(id, allowed))
    return absl::OkStatus();
  return absl::InvalidArgumentError(
      StrCat(what, " is not an id of 1 to ", kMaxIdLength, " letters, digits, '_', '.' and '-'"));
}

absl::StatusOr<std::unique_ptr<Containers>> Containers::Create(ContainersOptions options,
                                                               RootfsProvider* rootfs) {
  RETURN_IF_ERROR(MakeDirectories(options.folder, 0700));
  RETURN_IF_ERROR(MakeDirectories(options.crun.state_folder, 0700));
  ASSIGN_OR_RETURN(std::unique_ptr<OomWatcher> oom, OomWatcher::Create());
  return std::unique_ptr<Containers>(new Containers(std::move(options), rootfs, std::move(oom)));
}

Containers::Containers(ContainersOptions options, RootfsProvider* rootfs,
                       std::unique_ptr<OomWatcher> oom)
    : options_(std::move(options)), rootfs_(rootfs), oom_(std::move(oom)), crun_(options_.crun) {}

Containers::~Containers() = default;

std::string Containers::CgroupFolder(const std::string& id) const {
  return StrCat(options_.cgroup_mount, options_.cgroup_parent, "/", id);
}

absl::StatusOr<Containers::ContainerPointer> Containers::Find(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto found = containers_.find(id);
  if (found == containers_.end())
    return absl::NotFoundError(StrCat("no container '", absl::CHexEscape(id), "'"));
  return found->second;
}

absl::StatusOr<Containers::ContainerPointer> Containers::Reserve(const std::string& id) {
  RETURN_IF_ERROR(CheckId(id, "container_id"));
  const std::lock_guard lock(mutex_);
  if (containers_.contains(id))
    return absl::AlreadyExistsError(StrCat("container '", id, "' exists"));
  if (containers_.size() >= kMaxContainers)
    return absl::ResourceExhaustedError(
        StrCat("the sandbox already has ", kMaxContainers, " containers"));
  const std::string folder = StrCat(options_.folder, "/", next_folder_++);
  const auto container = std::make_shared<Container>(id, folder);
  containers_.emplace(id, container);
  return container;
}

void Containers::Forget(const std::string& id) {
  const std::lock_guard lock(mutex_);
  containers_.erase(id);
}

absl::Status Containers::CreateContainer(const grpc::CreateContainerRequest& request,
                                         const std::string& resolv_conf) {
  RETURN_IF_ERROR(CheckSpec(request.oci()));
  if (!request.devices().empty())
    return absl::UnimplementedError("devices: none can be attached to a container");
  if (request.sandbox_pidns())
    return absl::UnimplementedError("sandbox_pidns: a shared pid namespace is not supported");
  if (!request.shared_mounts().empty())
    return absl::UnimplementedError("shared_mounts are not supported");
  ASSIGN_OR_RETURN(const ContainerPointer container, Reserve(request.container_id()));
  const std::lock_guard lock(container->mutex);
  absl::Status status = Prepare(request, resolv_conf, container.get());
  if (status.ok()) status = Launch(container.get());
  if (status.ok()) {
    container->state = State::kCreated;
    return absl::OkStatus();
  }
  container->state = State::kRemoving;
  Dispose(container.get()).IgnoreError();  // the first error is the one to tell
  Forget(container->id);
  return status;
}

absl::Status Containers::Prepare(const grpc::CreateContainerRequest& request,
                                 const std::string& resolv_conf, Container* container) {
  RETURN_IF_ERROR(MakeDirectories(container->folder, 0700));
  RETURN_IF_ERROR(MakeDirectories(container->rootfs(), 0755));
  ASSIGN_OR_RETURN(const ImageDefaults image,
                   rootfs_->Mount(request, container->folder, container->rootfs()));
  container->mounted = true;
  ASSIGN_OR_RETURN(const AccountFiles accounts, ReadAccountFiles(container->rootfs()));
  const grpc::Process asked = WithStringUser(request.string_user(), request.oci().process());
  ASSIGN_OR_RETURN(container->process, MergeContainerProcess(asked, image, accounts));
  RuntimeSpecInputs inputs;
  inputs.rootfs = container->rootfs();
  inputs.cgroup_path = StrCat(options_.cgroup_parent, "/", container->id);
  inputs.resolv_conf = resolv_conf;
  inputs.process = container->process;
  ASSIGN_OR_RETURN(const std::string config, RuntimeSpecJson(request.oci(), inputs));
  return WriteFile(container->folder + "/config.json", AsBytes(config), 0600);
}

absl::Status Containers::Launch(Container* container) {
  const bool terminal = container->process.terminal();
  ASSIGN_OR_RETURN(Stdio stdio, MakeStdio(terminal, options_.discard_output));
  ASSIGN_OR_RETURN(Crun::Launched launched, crun_.Create(container->id, container->folder, terminal,
                                                         ChildEnds(stdio.pipes)));
  ASSIGN_OR_RETURN(container->processes[""], Adopt(std::move(launched), std::move(stdio)));
  oom_->Watch(container->id, CgroupFolder(container->id));
  return absl::OkStatus();
}

absl::Status Containers::StartContainer(const std::string& id) {
  ASSIGN_OR_RETURN(const ContainerPointer container, Find(id));
  const std::lock_guard lock(container->mutex);
  RETURN_IF_ERROR(container->Expect(State::kCreated));
  RETURN_IF_ERROR(crun_.Start(container->id, container->folder));
  container->state = State::kRunning;
  return absl::OkStatus();
}

// A probe may come every few seconds for months, and the folder lies in the guest's memory: nothing
// of a call stays in it, least of all the process's environment.
absl::StatusOr<Crun::Launched> Containers::LaunchExec(Container* container,
                                                      const std::string& document, bool terminal,
                                                      const StdioPipes& pipes) {
  const std::string folder = StrCat(container->folder, "/exec-", container->next_exec++);
  const std::string file = folder + "/process.json";
  RETURN_IF_ERROR(MakeDirectories(folder, 0700));
  absl::StatusOr<Crun::Launched> launched = [&]() -> absl::StatusOr<Crun::Launched> {
    RETURN_IF_ERROR(WriteFile(file, AsBytes(document), 0600));
    return crun_.Exec(container->id, folder, file, terminal, ChildEnds(pipes));
  }();
  RemoveTree(folder).IgnoreError();  // else the container's end does it
  return launched;
}

absl::Status Containers::ExecProcess(const grpc::ExecProcessRequest& request) {
  RETURN_IF_ERROR(CheckId(request.exec_id(), "exec_id"));
  ASSIGN_OR_RETURN(const ContainerPointer container, Find(request.container_id()));
  const std::lock_guard lock(container->mutex);
  RETURN_IF_ERROR(container->Expect(State::kRunning));
  if (container->processes.contains(request.exec_id()) || request.exec_id() == container->id)
    return absl::AlreadyExistsError(StrCat("process '", request.exec_id(), "' exists"));
  if (container->processes.size() >= kMaxExecs) container->ForgetEndedExecs();
  if (container->processes.size() >= kMaxExecs)
    return absl::ResourceExhaustedError(
        StrCat("the container already has ", kMaxExecs, " processes"));
  ASSIGN_OR_RETURN(const AccountFiles accounts, ReadAccountFiles(container->rootfs()));
  const grpc::Process asked = WithStringUser(request.string_user(), request.process());
  ASSIGN_OR_RETURN(const grpc::Process process,
                   MergeExecProcess(asked, container->process, accounts));
  ASSIGN_OR_RETURN(const std::string document, RuntimeProcessJson(process));
  ASSIGN_OR_RETURN(Stdio stdio, MakeStdio(process.terminal(), options_.discard_output));
  ASSIGN_OR_RETURN(Crun::Launched launched,
                   LaunchExec(container.get(), document, process.terminal(), stdio.pipes));
  ASSIGN_OR_RETURN(container->processes[request.exec_id()],
                   Adopt(std::move(launched), std::move(stdio)));
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<Process>> Containers::FindProcess(const std::string& id,
                                                                 const std::string& exec_id) {
  ASSIGN_OR_RETURN(const ContainerPointer container, Find(id));
  const std::lock_guard lock(container->mutex);
  const auto found = container->processes.find(exec_id == id ? "" : exec_id);
  if (found == container->processes.end())
    return absl::NotFoundError(
        StrCat("no process '", absl::CHexEscape(exec_id), "' in container '", id, "'"));
  return found->second;
}

absl::Status Containers::SignalProcess(const std::string& id, const std::string& exec_id,
                                       int signal) {
  ASSIGN_OR_RETURN(const std::shared_ptr<Process> process, FindProcess(id, exec_id));
  // The first process takes all others of its pid namespace with it when it is killed.
  if (exec_id.empty() && signal != SIGKILL) {
    const absl::Status status = SignalCgroup(CgroupFolder(id), signal);
    if (!absl::IsNotFound(status)) return status;
  }
  return process->Signal(signal);
}

absl::Status Containers::RemoveContainer(const std::string& id, const std::stop_token& stop,
                                         int timeout_ms) {
  ASSIGN_OR_RETURN(const ContainerPointer container, Find(id));
  const std::lock_guard lock(container->mutex);
  if (container->state == State::kCreating) return container->Expect(State::kCreated);
  const auto first = container->processes.find("");
  if (first != container->processes.end()) {
    RETURN_IF_ERROR(first->second->Signal(SIGKILL));
    // All of them, so that none stays a zombie.
    for (const auto& [exec_id, process] : container->processes) {
      const absl::Status ended = process->Wait(stop, timeout_ms).status();
      if (absl::IsDeadlineExceeded(ended) || stop.stop_requested())
        return Annotate(ended, StrCat("removing container '", id, "'"));
    }
  }
  container->state = State::kRemoving;
  RETURN_IF_ERROR(Dispose(container.get()));
  Forget(id);
  return absl::OkStatus();
}

// Undoes whatever Prepare and Launch did, in reverse.
absl::Status Containers::Dispose(Container* container) {
  oom_->Forget(container->id);
  absl::Status status = crun_.Delete(container->id, container->folder);
  for (const auto& [exec_id, process] : container->processes) process->Close();
  container->processes.clear();
  if (container->mounted) status.Update(rootfs_->Unmount(container->rootfs()));
  container->mounted = container->mounted && !status.ok();
  if (!container->mounted) status.Update(RemoveTree(container->folder));
  return status;
}

void Containers::RemoveAll() {
  std::vector<std::string> ids;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, container] : containers_) ids.push_back(id);
  }
  constexpr int kTimeoutMs = 5000;
  for (const std::string& id : ids) RemoveContainer(id, {}, kTimeoutMs).IgnoreError();
}

absl::StatusOr<grpc::CgroupStats> Containers::Stats(const std::string& id) {
  RETURN_IF_ERROR(Find(id).status());
  return ReadCgroupStats(CgroupFolder(id));
}

}  // namespace nacre::guest_agent
