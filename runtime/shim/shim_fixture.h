// A containerd of the test's own around a real shim program: bundle, FIFOs, the events service, and
// calls of the Task service. QEMU is runtime/shim/fake_guest.cc.
#pragma once

#include <google/protobuf/empty.pb.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "api/containerd/shim.pb.h"
#include "api/containerd/ttrpc_events.pb.h"
#include "base/file.h"
#include "base/subprocess.h"
#include "net/ttrpc/proto.h"
#include "net/ttrpc/server.h"

namespace nacre::runtime {

class ShimTest : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  // The container's first process and its image; before StartShim().
  void Bundle(const std::vector<std::string>& args, const std::string& image = "registry/fine");
  // Runs `start` and connects.
  void StartShim();
  absl::StatusOr<CommandResult> RunShim(const std::string& action);

  template <typename Response = google::protobuf::Empty>
  absl::StatusOr<Response> Call(const char* method, const google::protobuf::MessageLite& request) {
    ttrpc::CallOptions options;
    options.timeout_ms = 20000;
    return ttrpc::CallProto<Response>(*client_, "containerd.task.v2.Task", method, request,
                                      options);
  }
  // A request about the container, or about one process of it.
  template <typename Request>
  Request About(const std::string& exec_id = "") {
    Request request;
    request.set_id(id_);
    if constexpr (requires { request.set_exec_id(exec_id); }) request.set_exec_id(exec_id);
    return request;
  }
  absl::Status Create();
  absl::Status Start(const std::string& exec_id = "");
  // The exit code, as Wait answers it.
  int Wait(const std::string& exec_id = "");
  absl::Status Delete(const std::string& exec_id = "");
  absl::Status Shutdown();

  // Makes a FIFO and holds it open for reading and writing.
  std::string MakeFifo(const std::string& name);
  // All that comes until the shim has closed its end.
  std::string ReadFifo(const std::string& path);
  // Topics in order, once there are `count` (or after ten seconds, what there is).
  std::vector<std::string> Topics(size_t count);
  bool Gone(pid_t pid);
  pid_t VmPid();
  pid_t ShimPid();
  std::string sandbox_dir() const { return state_dir() + "/test/" + id_; }
  std::string state_dir() const { return folder_->path() + "/state"; }

  std::optional<TemporaryDirectory> folder_;
  std::string id_ = "box", bundle_;
  std::string in_, out_, err_;  // FIFO paths for Create
  std::string extra_config_;
  std::unique_ptr<ttrpc::Client> client_;

 private:
  void ServeEvents();
  std::map<std::string, UniqueFd> fifos_;
  ttrpc::Server events_server_;
  std::thread events_thread_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> topics_;
};

}  // namespace nacre::runtime
