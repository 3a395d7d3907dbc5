// The containers of this sandbox and their life: create, start, exec, remove. Ids come from the
// host and are never part of a path the agent makes.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>

#include "api/agent.pb.h"
#include "base/status.h"
#include "guest-agent/container/cgroup.h"
#include "guest-agent/container/crun.h"
#include "guest-agent/container/process.h"
#include "guest-agent/container/stream.h"
#include "guest-agent/storage/rootfs.h"

namespace nacre::guest_agent {

// 1 to kMaxIdLength of [A-Za-z0-9_.-], beginning with a letter or digit. kInvalidArgument.
absl::Status CheckId(std::string_view id, std::string_view what);

struct ContainersOptions {
  std::string folder = "/run/nacre/containers";
  std::string cgroup_mount = "/sys/fs/cgroup";
  std::string cgroup_parent = "/nacre";
  bool discard_output = false;  // the policy lets no output out
  CrunOptions crun;
};

// Thread-safe. An exec id that is empty or equals the container's id means its first process.
class Containers {
 public:
  // `rootfs` must outlive this. The process must be a child subreaper.
  static absl::StatusOr<std::unique_ptr<Containers>> Create(ContainersOptions options,
                                                            RootfsProvider* rootfs);
  ~Containers();

  // kAlreadyExists, kResourceExhausted (kMaxContainers); errors of CheckSpec, of the image and of
  // crun. After an error nothing is left of it. `resolv_conf` as in RuntimeSpecInputs.
  absl::Status CreateContainer(const grpc::CreateContainerRequest& request,
                               const std::string& resolv_conf);
  absl::Status StartContainer(const std::string& id);
  absl::Status ExecProcess(const grpc::ExecProcessRequest& request);
  // To one process; with an empty exec id to all of the container.
  absl::Status SignalProcess(const std::string& id, const std::string& exec_id, int signal);
  // Kills what runs, waits for it (kDeadlineExceeded after `timeout_ms`, -1 for ever), unmounts,
  // forgets.
  absl::Status RemoveContainer(const std::string& id, const std::stop_token& stop, int timeout_ms);
  // Everything, as far as it goes.
  void RemoveAll();

  // kNotFound naming the id.
  absl::StatusOr<std::shared_ptr<Process>> FindProcess(const std::string& id,
                                                       const std::string& exec_id);
  absl::StatusOr<grpc::CgroupStats> Stats(const std::string& id);
  absl::StatusOr<std::string> NextOom(const std::stop_token& stop) { return oom_->Next(stop); }

 private:
  struct Container;
  using ContainerPointer = std::shared_ptr<Container>;
  Containers(ContainersOptions options, RootfsProvider* rootfs, std::unique_ptr<OomWatcher> oom);
  absl::StatusOr<ContainerPointer> Find(const std::string& id);
  absl::StatusOr<ContainerPointer> Reserve(const std::string& id);
  void Forget(const std::string& id);
  absl::Status Prepare(const grpc::CreateContainerRequest& request, const std::string& resolv_conf,
                       Container* container);
  absl::Status Launch(Container* container);
  // `document`: the OCI process.
  absl::StatusOr<Crun::Launched> LaunchExec(Container* container, const std::string& document,
                                            bool terminal, const StdioPipes& pipes);
  absl::Status Dispose(Container* container);
  std::string CgroupFolder(const std::string& id) const;

  const ContainersOptions options_;
  RootfsProvider* const rootfs_;
  const std::unique_ptr<OomWatcher> oom_;
  Crun crun_;
  std::mutex mutex_;
  std::map<std::string, ContainerPointer> containers_;  // guarded by mutex_
  uint64_t next_folder_ = 0;                            // guarded by mutex_
};

}  // namespace nacre::guest_agent
