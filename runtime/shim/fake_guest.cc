// Stands where QEMU would, in tests of the shim only: same descriptors (3 console, 4 QMP, 5 agent
// channel), and a guest that runs toy programs. What it does depends on the image reference and on
// the container's first argument:
//
//   image ".../refused"   CreateContainer is refused, as for a key the broker does not give
//   image ".../dies"      the guest says why on its console and ends
//   image ".../silent"    the agent never answers
//   say OUT ERR CODE      writes both, ends with CODE
//   cat                   copies stdin to stdout until it is closed, ends with 0
//   sleep                 runs until a signal, ends with 128 + signal
#include <google/protobuf/empty.pb.h>
#include <poll.h>
#include <unistd.h>

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "api/agent.pb.h"
#include "base/file.h"
#include "base/json.h"
#include "base/strings.h"
#include "net/ttrpc/proto.h"
#include "net/ttrpc/server.h"

namespace nacre::runtime {
namespace {

using google::protobuf::Empty;
constexpr int kConsole = 3, kQmp = 4, kAgent = 5;

void SayOnConsole(std::string_view line) { (void)WriteAll(kConsole, AsBytes(StrCat(line, "\n"))); }

struct ToyProcess {
  std::vector<std::string> args;
  std::string out, err;
  bool running = false, ended = false, stdin_closed = false;
  int code = 0;

  void End(int with) {
    ended = true;
    code = with;
  }
};

class ToyGuest {
 public:
  void Serve() {
    Register();
    (void)server_.ServeConnection(UniqueFd(kAgent));
  }

 private:
  template <typename Request, typename Function>
  void Add(const char* method, Function function) {
    server_.RegisterMethod("grpc.AgentService", method,
                           ttrpc::ProtoHandler<Request>(std::move(function)));
  }

  void Register() {
    const auto ok = [](const auto&, const auto&) -> absl::StatusOr<Empty> { return Empty(); };
    Add<grpc::CreateSandboxRequest>("CreateSandbox", ok);
    Add<grpc::UpdateInterfaceRequest>("UpdateInterface", ok);
    Add<grpc::UpdateRoutesRequest>("UpdateRoutes", ok);

    Add<grpc::DestroySandboxRequest>("DestroySandbox", ok);
    Add<grpc::TtyWinResizeRequest>("TtyWinResize", ok);
    Add<grpc::CreateContainerRequest>("CreateContainer",
                                      [this](const auto& context, const auto& request) {
                                        return CreateContainer(context, request);
                                      });
    Add<grpc::StartContainerRequest>("StartContainer", [this](const auto&, const auto& request) {
      return StartProcess(request.container_id());
    });
    Add<grpc::ExecProcessRequest>("ExecProcess", [this](const auto&, const auto& request) {
      Make(request.exec_id(), request.process());
      return StartProcess(request.exec_id());
    });
    RegisterStreams();
    Add<grpc::WaitProcessRequest>(
        "WaitProcess",
        [this](const auto& context,
               const auto& request) -> absl::StatusOr<grpc::WaitProcessResponse> {
          std::unique_lock lock(mutex_);
          ToyProcess& process = processes_[request.exec_id()];
          changed_.wait(lock, context.stop_token(), [&] { return process.ended; });
          grpc::WaitProcessResponse response;
          response.set_status(process.code);
          return response;
        });
    Add<grpc::SignalProcessRequest>("SignalProcess", [this](const auto&, const auto& request) {
      std::lock_guard lock(mutex_);
      const int code = 128 + static_cast<int>(request.signal());
      if (!request.exec_id().empty()) processes_[request.exec_id()].End(code);
      for (auto& [id, process] : processes_) {
        if (request.exec_id().empty() && !process.ended) process.End(code);
      }
      changed_.notify_all();
      return absl::StatusOr<Empty>(Empty());
    });
    Add<grpc::StatsContainerRequest>(
        "StatsContainer",
        [](const auto&, const auto&) -> absl::StatusOr<grpc::StatsContainerResponse> {
          grpc::StatsContainerResponse response;
          response.mutable_cgroup_stats()->mutable_pids_stats()->set_current(4);
          return response;
        });
    Add<grpc::GetOOMEventRequest>(
        "GetOOMEvent", [](const auto&, const auto&) -> absl::StatusOr<grpc::OOMEvent> {
          return absl::PermissionDeniedError("policy denied GetOOMEventRequest");
        });
  }

  void RegisterStreams() {
    Add<grpc::ReadStreamRequest>("ReadStdout", [this](const auto& context, const auto& request) {
      return Read(context, request, &ToyProcess::out);
    });
    Add<grpc::ReadStreamRequest>("ReadStderr", [this](const auto& context, const auto& request) {
      return Read(context, request, &ToyProcess::err);
    });
    Add<grpc::WriteStreamRequest>("WriteStdin", [this](const auto&, const auto& request) {
      std::lock_guard lock(mutex_);
      processes_[request.exec_id()].out += request.data();
      changed_.notify_all();
      grpc::WriteStreamResponse response;
      response.set_len(static_cast<uint32_t>(request.data().size()));
      return absl::StatusOr<grpc::WriteStreamResponse>(response);
    });
    Add<grpc::CloseStdinRequest>("CloseStdin", [this](const auto&, const auto& request) {
      std::lock_guard lock(mutex_);
      ToyProcess& process = processes_[request.exec_id()];
      process.stdin_closed = true;
      if (process.running && process.args[0] == "cat") process.End(0);
      changed_.notify_all();
      return absl::StatusOr<Empty>(Empty());
    });
  }

  absl::StatusOr<Empty> CreateContainer(const ttrpc::CallContext& context,
                                        const grpc::CreateContainerRequest& request) {
    const std::string image = request.storages_size() == 1 ? request.storages(0).source() : "";
    if (image.ends_with("/refused")) {
      return absl::PermissionDeniedError("the broker refused the key:\nlaunch measurement differs");
    }
    if (image.ends_with("/dies")) {
      SayOnConsole(R"({"event":"agent_refused","error":"initdata differs from the report"})");
      ::_exit(9);
    }
    if (image.ends_with("/silent")) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, context.stop_token(), [] { return false; });
      return absl::CancelledError("nobody waits");
    }
    Make(request.container_id(), request.oci().process());
    return Empty();
  }

  void Make(const std::string& id, const grpc::Process& spec) {
    std::lock_guard lock(mutex_);
    processes_[id].args.assign(spec.args().begin(), spec.args().end());
  }

  absl::StatusOr<Empty> StartProcess(const std::string& id) {
    std::lock_guard lock(mutex_);
    ToyProcess& process = processes_[id];
    if (process.args.empty()) return absl::InvalidArgumentError("no program");
    process.running = true;
    if (process.args[0] == "say" && process.args.size() == 4) {
      process.out = process.args[1];
      process.err = process.args[2];
      process.End(std::stoi(process.args[3]));
    } else if (process.args[0] == "cat") {
      if (process.stdin_closed) process.End(0);
    } else if (process.args[0] != "sleep") {
      return absl::NotFoundError(StrCat("program ", process.args[0], " not found"));
    }
    changed_.notify_all();
    return Empty();
  }

  absl::StatusOr<grpc::ReadStreamResponse> Read(const ttrpc::CallContext& context,
                                                const grpc::ReadStreamRequest& request,
                                                std::string ToyProcess::*stream) {
    std::unique_lock lock(mutex_);
    ToyProcess& process = processes_[request.exec_id()];
    changed_.wait(lock, context.stop_token(),
                  [&] { return !(process.*stream).empty() || process.ended; });
    if ((process.*stream).empty()) return absl::OutOfRangeError("end of stream");
    grpc::ReadStreamResponse response;
    response.set_data((process.*stream).substr(0, request.len()));
    (process.*stream).erase(0, request.len());
    return response;
  }

  ttrpc::Server server_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<std::string, ToyProcess> processes_;  // never erased: references stay good
};

void AnswerQmp() {
  (void)WriteAll(kQmp, AsBytes("{\"QMP\":{}}\r\n"));
  std::string line;
  for (char c; ::read(kQmp, &c, 1) == 1;) {
    if (c != '\n') {
      line += c;
      continue;
    }
    const auto command = ParseJson(line);
    line.clear();
    if (!command.ok()) continue;
    const uint64_t id = (*command)["id"];
    (void)WriteAll(kQmp,
                   AsBytes(StrCat("{\"return\":{\"status\":\"running\"},\"id\":", id, "}\r\n")));
    if ((*command)["execute"] == "quit") ::_exit(0);
  }
}

}  // namespace
}  // namespace nacre::runtime

int main() {
  std::thread(nacre::runtime::AnswerQmp).detach();
  nacre::runtime::SayOnConsole(R"({"event":"agent_ready"})");
  nacre::runtime::ToyGuest().Serve();
  return 0;
}
