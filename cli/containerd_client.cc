#include "cli/containerd_client.h"

#include <grpcpp/grpcpp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstring>
#include <mutex>
#include <thread>

#include "api/containerd.h"
#include "api/containerd/containers.grpc.pb.h"
#include "api/containerd/tasks.grpc.pb.h"
#include "api/runtimeoptions.pb.h"
#include "base/strings.h"
#include "base/unique_fd.h"

namespace nacre::cli {
namespace {

namespace containers = containerd::services::containers::v1;
namespace tasks = containerd::services::tasks::v1;
using google::protobuf::Empty;

constexpr int kCallSeconds = 30;    // calls that only ask containerd and the shim
constexpr int kRemoveSeconds = 10;  // waiting for a killed task
constexpr int kDeadShimPauseMs = 50;
constexpr int kDeadShimAttempts = kRemoveSeconds * 1000 / kDeadShimPauseMs;
constexpr std::string_view kDeadShim = "the container's shim ended unexpectedly";

absl::Status ToStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  // The codes of gRPC and Abseil are the same numbers.
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      ReadableContainerdMessage(status.error_message()));
}

bool IsDeadShim(const absl::Status& status) { return Message(status) == kDeadShim; }

// Whether anyone listens, asked before gRPC hides the reason in a sentence of its own.
absl::Status CheckSocket(const std::string& path) {
  const std::string where = "containerd is not reachable at " + path;
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return absl::InvalidArgumentError(where + ": not the path of a socket");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return ErrnoStatus(errno, where);
  if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    return ErrnoStatus(errno, where);
  }
  return absl::OkStatus();
}

google::protobuf::Any RuntimeOptions(const std::string& config_path) {
  runtimeoptions::v1::Options options;
  options.set_type_url("org.nacre.runtime.v1.Config");
  options.set_config_path(config_path);
  return api::PackForContainerd(options);
}

}  // namespace

std::string ReadableContainerdMessage(std::string_view message) {
  static constexpr std::string_view kLayers[] = {
      "failed to create shim task: ", "failed to create task: ",
      "failed to start shim: ",       "failed to create shim: ",
      "failed to start task: ",       "failed to delete task: ",
      "OCI runtime create failed: ",  "rpc error: ",
      "failed to get runtime path: "};
  static constexpr std::string_view kCodes[] = {
      ": unknown", ": unavailable",       ": internal",      ": failed precondition",
      ": unknown", ": permission denied", ": not found",     ": invalid argument",
      ": aborted", ": deadline exceeded", ": unimplemented", ": not implemented"};
  std::string_view rest = message;
  for (bool found = true; found;) {
    found = false;
    for (std::string_view layer : kLayers) {
      if (!rest.starts_with(layer)) continue;
      rest.remove_prefix(layer.size());
      found = true;
    }
    for (std::string_view code : kCodes) {
      if (!rest.ends_with(code)) continue;
      rest.remove_suffix(code.size());
      found = true;
    }
  }
  std::string text(rest);
  // runtime "io.containerd.x.v2" binary not installed "containerd-shim-x-v2": file does not exist
  const size_t missing = text.find(" binary not installed ");
  const size_t name = text.find("runtime \"");
  if (missing != std::string::npos && name != std::string::npos && name < missing) {
    const std::string program = text.substr(missing + sizeof(" binary not installed ") - 1);
    text = StrCat("unknown ", text.substr(name, missing - name), ": containerd finds no program ",
                  program.substr(0, program.find(": ")), " in its PATH");
  }
  if (text == "ttrpc: closed") text = kDeadShim;
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

class ContainerdClient::Impl {
 public:
  Impl(std::string address, std::string name_space)
      : address_(std::move(address)), name_space_(std::move(name_space)) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
    arguments.SetMaxReceiveMessageSize(16 << 20);
    auto channel = grpc::CreateCustomChannel("unix:" + address_, grpc::InsecureChannelCredentials(),
                                             arguments);
    containers_ = containers::Containers::NewStub(channel);
    tasks_ = tasks::Tasks::NewStub(channel);
  }

  // One unary call; `seconds` 0 = no deadline.
  template <typename Stub, typename Request, typename Response>
  absl::Status Call(Stub& stub,
                    grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response* response, int seconds = kCallSeconds) {
    grpc::ClientContext context;
    return Call(&context, stub, method, request, response, seconds);
  }

  template <typename Stub, typename Request, typename Response>
  absl::Status Call(grpc::ClientContext* context, Stub& stub,
                    grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response* response, int seconds) {
    context->AddMetadata("containerd-namespace", name_space_);
    if (seconds > 0) {
      context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(seconds));
    }
    const grpc::Status status = (stub.*method)(context, request, response);
    if (status.error_code() == grpc::StatusCode::UNAVAILABLE) {
      // Of the connection itself, or of something behind containerd: the socket tells.
      RETURN_IF_ERROR(CheckSocket(address_));
    }
    return ToStatus(status);
  }

  containers::Containers::Stub& containers() { return *containers_; }
  tasks::Tasks::Stub& tasks() { return *tasks_; }

  absl::Status CreateTask(const tasks::CreateTaskRequest& request) {
    auto context = std::make_unique<grpc::ClientContext>();
    {
      std::lock_guard lock(mutex_);
      if (cancelled_) return absl::CancelledError("cancelled");
      creating_ = context.get();
    }
    tasks::CreateTaskResponse response;
    absl::Status status =
        Call(context.get(), tasks(), &tasks::Tasks::Stub::Create, request, &response, 0);
    std::lock_guard lock(mutex_);
    creating_ = nullptr;
    return status;
  }

  void CancelCreate() {
    std::lock_guard lock(mutex_);
    cancelled_ = true;
    if (creating_ != nullptr) creating_->TryCancel();
  }

 private:
  const std::string address_;
  const std::string name_space_;
  std::unique_ptr<containers::Containers::Stub> containers_;
  std::unique_ptr<tasks::Tasks::Stub> tasks_;
  std::mutex mutex_;
  bool cancelled_ = false;
  grpc::ClientContext* creating_ = nullptr;
};

ContainerdClient::ContainerdClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ContainerdClient::~ContainerdClient() = default;

absl::StatusOr<std::unique_ptr<ContainerdClient>> ContainerdClient::Connect(
    const std::string& address, const std::string& name_space) {
  RETURN_IF_ERROR(CheckSocket(address));
  return std::unique_ptr<ContainerdClient>(
      new ContainerdClient(std::make_unique<Impl>(address, name_space)));
}

absl::Status ContainerdClient::CreateContainer(const ContainerRequest& request) {
  containers::CreateContainerRequest message;
  containers::Container* container = message.mutable_container();
  container->set_id(request.id);
  container->set_image(request.image);
  container->mutable_runtime()->set_name(request.runtime);
  if (!request.config_path.empty()) {
    *container->mutable_runtime()->mutable_options() = RuntimeOptions(request.config_path);
  }
  container->mutable_spec()->set_type_url(api::kSpecTypeUrl);
  container->mutable_spec()->set_value(request.spec);
  containers::CreateContainerResponse response;
  return impl_->Call(impl_->containers(), &containers::Containers::Stub::Create, message,
                     &response);
}

absl::Status ContainerdClient::CreateTask(const std::string& id, const TaskStreams& streams) {
  tasks::CreateTaskRequest message;
  message.set_container_id(id);
  message.set_stdin(streams.in);
  message.set_stdout(streams.out);
  message.set_stderr(streams.err);
  message.set_terminal(streams.terminal);
  return impl_->CreateTask(message);
}

void ContainerdClient::CancelCreate() { impl_->CancelCreate(); }

absl::Status ContainerdClient::StartTask(const std::string& id) {
  tasks::StartRequest message;
  message.set_container_id(id);
  tasks::StartResponse response;
  return impl_->Call(impl_->tasks(), &tasks::Tasks::Stub::Start, message, &response);
}

absl::StatusOr<int> ContainerdClient::WaitTask(const std::string& id) {
  tasks::WaitRequest message;
  message.set_container_id(id);
  tasks::WaitResponse response;
  RETURN_IF_ERROR(impl_->Call(impl_->tasks(), &tasks::Tasks::Stub::Wait, message, &response, 0));
  return static_cast<int>(response.exit_status());
}

absl::Status ContainerdClient::KillTask(const std::string& id, int signal) {
  tasks::KillRequest message;
  message.set_container_id(id);
  message.set_signal(static_cast<uint32_t>(signal));
  Empty response;
  return impl_->Call(impl_->tasks(), &tasks::Tasks::Stub::Kill, message, &response, kRemoveSeconds);
}

absl::Status ContainerdClient::CloseStdin(const std::string& id) {
  tasks::CloseIORequest message;
  message.set_container_id(id);
  message.set_stdin(true);
  Empty response;
  return impl_->Call(impl_->tasks(), &tasks::Tasks::Stub::CloseIO, message, &response);
}

absl::Status ContainerdClient::ResizeTerminal(const std::string& id, uint32_t rows,
                                              uint32_t columns) {
  tasks::ResizePtyRequest message;
  message.set_container_id(id);
  message.set_width(columns);
  message.set_height(rows);
  Empty response;
  return impl_->Call(impl_->tasks(), &tasks::Tasks::Stub::ResizePty, message, &response);
}

absl::Status ContainerdClient::DeleteTask(const std::string& id) {
  tasks::DeleteTaskRequest message;
  message.set_container_id(id);
  tasks::DeleteResponse response;
  auto remove = [&] {
    return impl_->Call(impl_->tasks(), &tasks::Tasks::Stub::Delete, message, &response);
  };
  absl::Status status = remove();
  // The shim is gone: containerd takes the task away by itself, a moment later.
  for (int i = 0; i < kDeadShimAttempts && IsDeadShim(status); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(kDeadShimPauseMs));
    status = remove();
  }
  if (!absl::IsFailedPrecondition(status)) return status;
  KillTask(id, SIGKILL).IgnoreError();
  tasks::WaitRequest wait;
  wait.set_container_id(id);
  tasks::WaitResponse ended;
  RETURN_IF_ERROR(
      impl_->Call(impl_->tasks(), &tasks::Tasks::Stub::Wait, wait, &ended, kRemoveSeconds));
  return remove();
}

absl::Status ContainerdClient::DeleteContainer(const std::string& id) {
  containers::DeleteContainerRequest message;
  message.set_id(id);
  Empty response;
  return impl_->Call(impl_->containers(), &containers::Containers::Stub::Delete, message,
                     &response);
}

}  // namespace nacre::cli
