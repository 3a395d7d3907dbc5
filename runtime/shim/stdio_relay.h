// Carries one process's streams between the guest and the host's FIFOs, a thread for each
// direction. Output nobody asked for is read and thrown away, so that a container never blocks on
// it.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "base/status.h"
#include "runtime/shim/agent_client.h"
#include "runtime/shim/stdio_files.h"

namespace nacre::runtime {

class StdioRelay {
 public:
  // Opens the host's ends. `agent` must outlive the relay.
  static absl::StatusOr<std::unique_ptr<StdioRelay>> Open(AgentClient* agent, ProcessId id,
                                                          const StdioPaths& paths);
  ~StdioRelay();  // Stop()

  // From now on the guest knows the process. `on_first_output` (may be null) is called once.
  void Start(std::function<void()> on_first_output);
  // Returns when all output was handed on, when none moved for `idle_ms`, or after `total_ms`.
  void Drain(int idle_ms, int total_ms);
  // Ends all three and closes the FIFOs.
  void Stop();
  // containerd's CloseIO: stdin ends now, without waiting for its FIFO to end. For a client that
  // never opens it.
  void CloseStdin();

 private:
  StdioRelay(AgentClient* agent, ProcessId id) : agent_(agent), id_(std::move(id)) {}
  void RelayOutput(AgentClient::Output which, int fd);
  void RelayInput();
  bool SendInput(std::string_view data);

  AgentClient* const agent_;
  const ProcessId id_;
  UniqueFd in_, out_, err_;
  UniqueFd stop_event_, stdin_event_;  // eventfds that end blocking waits on FIFOs
  std::stop_source stop_;
  bool terminal_ = false;

  std::mutex mutex_;
  std::condition_variable changed_;
  int outputs_open_ = 0;
  uint64_t progress_ = 0;
  std::function<void()> on_first_output_;
  std::thread out_thread_, err_thread_, in_thread_;
};

}  // namespace nacre::runtime
