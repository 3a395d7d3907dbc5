// One process of the container as containerd sees it: the first one, or one made by Exec. It goes
// created -> running -> stopped, once each; a created one may stop without having run.
#pragma once

#include <google/protobuf/timestamp.pb.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/json.h"
#include "base/status.h"
#include "net/ttrpc/server.h"
#include "runtime/shim/agent_client.h"
#include "runtime/shim/stdio_relay.h"

namespace nacre::runtime {

// The exit code of a process whose guest went away under it, as for SIGKILL.
inline constexpr int kGuestLostExitCode = 128 + 9;

struct ProcessStatus {
  enum class State { kCreated, kRunning, kStopped };
  State state = State::kCreated;
  int exit_code = 0;
  google::protobuf::Timestamp exited_at;
};

class Process {
 public:
  // Called once, when the process has stopped and its output is handed on; not under locks.
  using ExitHandler = std::function<void(const Process&, const ProcessStatus&)>;
  // `exec_spec`: the OCI process of an Exec, absent for the container's first process. Opens the
  // host's ends of the streams. `agent` must outlive the process.
  static absl::StatusOr<std::shared_ptr<Process>> Create(AgentClient* agent, ProcessId id,
                                                         const StdioPaths& paths,
                                                         std::optional<Json> exec_spec,
                                                         ExitHandler on_exit);
  ~Process();

  const ProcessId& id() const { return id_; }
  const StdioPaths& paths() const { return paths_; }
  bool is_exec() const { return exec_spec_.has_value(); }

  // Starts it in the guest, then calls `started` (which publishes), then watches it: so its start
  // is always told before its exit. kFailedPrecondition unless it is created.
  absl::Status Start(const std::function<void()>& started, std::function<void()> on_first_output);
  // With `everyone` to all processes of the container.
  absl::Status Signal(uint32_t signal, bool everyone, int64_t timeout_ms);
  absl::Status Resize(uint32_t rows, uint32_t columns);
  void CloseStdin();

  ProcessStatus status() const;
  // Blocks until it has stopped. kCancelled, kDeadlineExceeded as `context` says.
  absl::StatusOr<ProcessStatus> Wait(const ttrpc::CallContext& context);
  // The guest is gone: a created process stops now (a running one notices by itself).
  void GuestLost();
  // Ends the streams and waits for the watching thread: call it for a process that is not running,
  // or whose guest is gone. Not from an exit handler.
  void Close();

 private:
  Process(AgentClient* agent, ProcessId id, const StdioPaths& paths, std::optional<Json> exec_spec,
          ExitHandler on_exit);
  absl::Status StartInGuest(std::function<void()> on_first_output);
  void Watch();
  void Stopped(int exit_code);

  AgentClient* const agent_;
  const ProcessId id_;
  const StdioPaths paths_;
  const std::optional<Json> exec_spec_;
  const ExitHandler on_exit_;
  std::unique_ptr<StdioRelay> relay_;

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  ProcessStatus status_;
  bool starting_ = false;
  std::thread watcher_;
  std::mutex close_mutex_;
};

}  // namespace nacre::runtime
