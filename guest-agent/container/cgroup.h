// One container's cgroup (version 2): how much it used, and that the kernel killed something in it
// for memory. Files that a kernel does not offer read as zero.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>

#include "api/agent.pb.h"
#include "base/status.h"
#include "base/unique_fd.h"

namespace nacre::guest_agent {

// `folder` is the cgroup's folder below the cgroup2 mount.
grpc::CgroupStats ReadCgroupStats(const std::string& folder);

// SIGKILL to every process in it (cgroup.kill). kNotFound when the cgroup is gone.
absl::Status KillCgroup(const std::string& folder);
// Another signal to every process in it.
absl::Status SignalCgroup(const std::string& folder, int signal);

// Reports each container once per OOM kill seen. Thread-safe; one caller waits at a time, others
// get kFailedPrecondition.
class OomWatcher {
 public:
  static absl::StatusOr<std::unique_ptr<OomWatcher>> Create();
  // Best effort: a cgroup without memory controller has no such events.
  void Watch(const std::string& container_id, const std::string& folder);
  void Forget(const std::string& container_id);
  // Blocks until there is an event; the container's id. kCancelled when `stop` is requested.
  absl::StatusOr<std::string> Next(const std::stop_token& stop);

 private:
  struct Watched {
    std::string events_file;
    int watch;
    uint64_t oom_kills;
  };
  explicit OomWatcher(UniqueFd inotify) : inotify_(std::move(inotify)) {}
  void Collect();

  UniqueFd inotify_;
  std::mutex waiting_;  // held by the one caller of Next
  std::mutex mutex_;
  std::map<std::string, Watched> watched_;  // by container id; guarded by mutex_
  std::set<std::string> pending_;           // guarded by mutex_
};

}  // namespace nacre::guest_agent
