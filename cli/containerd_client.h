// containerd's gRPC API, as far as `nacre run` speaks it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"

namespace nacre::cli {

struct ContainerRequest {
  std::string id;
  std::string image;        // its name only: containerd never sees the image
  std::string runtime;      // "io.containerd.nacre.v2"
  std::string config_path;  // handed to the runtime as runtimeoptions.v1.Options; may be empty
  std::string spec;         // OCI spec, JSON
};

struct TaskStreams {
  std::string in, out, err;  // paths of fifos; empty = none
  bool terminal = false;     // one terminal: what it shows goes to `out`, and there is no `err`
};

// Thread-safe. Errors carry containerd's own code and the part of its message that says what
// happened (see ReadableContainerdMessage).
class ContainerdClient {
 public:
  // `address` is the path of containerd's socket. kUnavailable or kPermissionDenied
  // "containerd is not reachable at PATH: No such file or directory".
  static absl::StatusOr<std::unique_ptr<ContainerdClient>> Connect(const std::string& address,
                                                                   const std::string& name_space);
  ~ContainerdClient();
  ContainerdClient(const ContainerdClient&) = delete;
  ContainerdClient& operator=(const ContainerdClient&) = delete;

  absl::Status CreateContainer(const ContainerRequest& request);
  // Starts the VM, the agent and everything before the container's first process; takes as long.
  absl::Status CreateTask(const std::string& id, const TaskStreams& streams);
  // Ends a CreateTask under way with kCancelled; one that comes later does not start.
  void CancelCreate();
  absl::Status StartTask(const std::string& id);
  // The exit code; blocks until there is one.
  absl::StatusOr<int> WaitTask(const std::string& id);
  absl::Status KillTask(const std::string& id, int signal);
  absl::Status CloseStdin(const std::string& id);
  absl::Status ResizeTerminal(const std::string& id, uint32_t rows, uint32_t columns);
  // Also of a task that still runs: it is killed and waited for first (10 s). One whose shim died
  // is waited for until containerd has noticed, at most as long.
  absl::Status DeleteTask(const std::string& id);
  absl::Status DeleteContainer(const std::string& id);

 private:
  class Impl;
  explicit ContainerdClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// containerd wraps what went wrong in the names of its own layers and puts the code's name behind.
// This takes both away, and says an unknown runtime in plain words; all on one line.
std::string ReadableContainerdMessage(std::string_view message);

}  // namespace nacre::cli
