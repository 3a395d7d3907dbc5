#include "guest-agent/service/agent_service.h"

#include <ctime>

#include "base/bytes.h"
#include "base/file.h"
#include "base/strings.h"
#include "guest-agent/limits.h"
#include "guest-agent/service/sandbox.h"
#include "guest-agent/service/timeline.h"

namespace nacre::guest_agent {
namespace {

constexpr int kHighestSignal = 64;  // SIGRTMAX

google::protobuf::Empty Empty() { return {}; }

}  // namespace

absl::Status AgentService::ExpectSandbox() {
  const std::lock_guard lock(mutex_);
  if (sandbox_ == Sandbox::kCreated) return absl::OkStatus();
  return absl::FailedPreconditionError(sandbox_ == Sandbox::kNone ? "CreateSandbox comes first"
                                                                  : "the sandbox is destroyed");
}

template <typename Work>
auto AgentService::WithNetwork(Work work) -> decltype(work(std::declval<Network&>())) {
  const std::lock_guard lock(mutex_);
  if (network_ == nullptr) {
    ASSIGN_OR_RETURN(network_, Network::Open());
  }
  return work(*network_);
}

AgentHandlers::Done AgentService::CreateSandbox(const grpc::CreateSandboxRequest& request,
                                                const Stop&) {
  RETURN_IF_ERROR(CheckSandbox(request));
  ASSIGN_OR_RETURN(const std::string resolv_conf, ResolvConf(request.dns()));
  {
    const std::lock_guard lock(mutex_);
    if (sandbox_ != Sandbox::kNone) return absl::AlreadyExistsError("there is a sandbox already");
    sandbox_ = Sandbox::kCreated;
    has_dns_ = !resolv_conf.empty();
  }
  RETURN_IF_ERROR(SetHostname(request.hostname()));
  if (!resolv_conf.empty()) RETURN_IF_ERROR(WriteFile(options_.resolv_conf, AsBytes(resolv_conf)));
  RETURN_IF_ERROR(WithNetwork([](Network& network) { return network.BringLoopbackUp(); }));
  return Empty();
}

AgentHandlers::Done AgentService::DestroySandbox(const grpc::DestroySandboxRequest&, const Stop&) {
  {
    const std::lock_guard lock(mutex_);
    if (sandbox_ == Sandbox::kDestroyed) return Empty();
    sandbox_ = Sandbox::kDestroyed;
  }
  containers_->RemoveAll();
  options_.on_destroy();
  return Empty();
}

AgentHandlers::Done AgentService::CreateContainer(const grpc::CreateContainerRequest& request,
                                                  const Stop&) {
  RETURN_IF_ERROR(ExpectSandbox());
  bool has_dns;
  {
    const std::lock_guard lock(mutex_);
    has_dns = has_dns_;
  }
  RETURN_IF_ERROR(containers_->CreateContainer(request, has_dns ? options_.resolv_conf : ""));
  return Empty();
}

AgentHandlers::Done AgentService::StartContainer(const grpc::StartContainerRequest& request,
                                                 const Stop&) {
  RETURN_IF_ERROR(containers_->StartContainer(request.container_id()));
  LogTimeline("container_started");
  return Empty();
}

AgentHandlers::Done AgentService::RemoveContainer(const grpc::RemoveContainerRequest& request,
                                                  const Stop& stop) {
  constexpr uint32_t kMaxSeconds = 3600;
  const int timeout_ms =
      request.timeout() == 0 ? -1 : std::min(request.timeout(), kMaxSeconds) * 1000;
  RETURN_IF_ERROR(containers_->RemoveContainer(request.container_id(), stop, timeout_ms));
  return Empty();
}

AgentHandlers::Done AgentService::ExecProcess(const grpc::ExecProcessRequest& request,
                                              const Stop&) {
  RETURN_IF_ERROR(containers_->ExecProcess(request));
  return Empty();
}

AgentHandlers::Done AgentService::SignalProcess(const grpc::SignalProcessRequest& request,
                                                const Stop&) {
  if (request.signal() == 0 || request.signal() > kHighestSignal)
    return absl::InvalidArgumentError(StrCat("signal is not 1 to ", kHighestSignal));
  RETURN_IF_ERROR(containers_->SignalProcess(request.container_id(), request.exec_id(),
                                             static_cast<int>(request.signal())));
  return Empty();
}

AgentHandlers::Result<grpc::WaitProcessResponse> AgentService::WaitProcess(
    const grpc::WaitProcessRequest& request, const Stop& stop) {
  ASSIGN_OR_RETURN(const auto process,
                   containers_->FindProcess(request.container_id(), request.exec_id()));
  grpc::WaitProcessResponse response;
  ASSIGN_OR_RETURN(const int status, process->Wait(stop));
  response.set_status(status);
  return response;
}

AgentHandlers::Result<grpc::StatsContainerResponse> AgentService::StatsContainer(
    const grpc::StatsContainerRequest& request, const Stop&) {
  grpc::StatsContainerResponse response;
  ASSIGN_OR_RETURN(*response.mutable_cgroup_stats(), containers_->Stats(request.container_id()));
  *response.mutable_network_stats() = ReadNetworkStats();
  return response;
}

AgentHandlers::Result<grpc::WriteStreamResponse> AgentService::WriteStdin(
    const grpc::WriteStreamRequest& request, const Stop& stop) {
  ASSIGN_OR_RETURN(const auto process,
                   containers_->FindProcess(request.container_id(), request.exec_id()));
  const std::shared_ptr<Stream> input = process->input();
  if (input == nullptr) return absl::FailedPreconditionError("stdin is closed");
  ASSIGN_OR_RETURN(const size_t length, input->Write(request.data(), stop));
  grpc::WriteStreamResponse response;
  response.set_len(length);
  return response;
}

namespace {

absl::StatusOr<grpc::ReadStreamResponse> ReadFrom(Stream& stream, uint32_t length,
                                                  const Stop& stop) {
  if (length == 0) return absl::InvalidArgumentError("len is zero");
  grpc::ReadStreamResponse response;
  ASSIGN_OR_RETURN(*response.mutable_data(),
                   stream.Read(std::min<size_t>(length, kMaxReadLength), stop));
  return response;
}

}  // namespace

AgentHandlers::Result<grpc::ReadStreamResponse> AgentService::ReadStdout(
    const grpc::ReadStreamRequest& request, const Stop& stop) {
  ASSIGN_OR_RETURN(const auto process,
                   containers_->FindProcess(request.container_id(), request.exec_id()));
  return ReadFrom(*process->output(), request.len(), stop);
}

AgentHandlers::Result<grpc::ReadStreamResponse> AgentService::ReadStderr(
    const grpc::ReadStreamRequest& request, const Stop& stop) {
  ASSIGN_OR_RETURN(const auto process,
                   containers_->FindProcess(request.container_id(), request.exec_id()));
  return ReadFrom(*process->error(), request.len(), stop);
}

AgentHandlers::Done AgentService::CloseStdin(const grpc::CloseStdinRequest& request, const Stop&) {
  ASSIGN_OR_RETURN(const auto process,
                   containers_->FindProcess(request.container_id(), request.exec_id()));
  process->CloseInput();
  return Empty();
}

AgentHandlers::Done AgentService::TtyWinResize(const grpc::TtyWinResizeRequest& request,
                                               const Stop&) {
  if (request.row() > UINT16_MAX || request.column() > UINT16_MAX)
    return absl::InvalidArgumentError("a terminal has at most 65535 rows and columns");
  ASSIGN_OR_RETURN(const auto process,
                   containers_->FindProcess(request.container_id(), request.exec_id()));
  RETURN_IF_ERROR(process->ResizeTerminal(request.row(), request.column()));
  return Empty();
}

AgentHandlers::Result<types::Interface> AgentService::UpdateInterface(
    const grpc::UpdateInterfaceRequest& request, const Stop&) {
  return WithNetwork(
      [&](Network& network) { return network.UpdateInterface(request.interface()); });
}

AgentHandlers::Result<grpc::Routes> AgentService::UpdateRoutes(
    const grpc::UpdateRoutesRequest& request, const Stop&) {
  return WithNetwork([&](Network& network) { return network.UpdateRoutes(request.routes()); });
}

AgentHandlers::Result<grpc::Interfaces> AgentService::ListInterfaces(
    const grpc::ListInterfacesRequest&, const Stop&) {
  return WithNetwork([](Network& network) { return network.ListInterfaces(); });
}

AgentHandlers::Result<grpc::Routes> AgentService::ListRoutes(const grpc::ListRoutesRequest&,
                                                             const Stop&) {
  return WithNetwork([](Network& network) { return network.ListRoutes(); });
}

AgentHandlers::Result<grpc::GuestDetailsResponse> AgentService::GetGuestDetails(
    const grpc::GuestDetailsRequest& request, const Stop&) {
  return GuestDetails(request);
}

AgentHandlers::Result<grpc::OOMEvent> AgentService::GetOOMEvent(const grpc::GetOOMEventRequest&,
                                                                const Stop& stop) {
  grpc::OOMEvent event;
  ASSIGN_OR_RETURN(*event.mutable_container_id(), containers_->NextOom(stop));
  return event;
}

AgentHandlers::Done AgentService::SetGuestDateTime(const grpc::SetGuestDateTimeRequest& request,
                                                   const Stop&) {
  RETURN_IF_ERROR(
      CheckTime(request.sec(), request.usec(), std::time(nullptr), options_.attested()));
  RETURN_IF_ERROR(SetTime(request.sec(), request.usec()));
  return Empty();
}

AgentHandlers::Done AgentService::ReseedRandomDev(const grpc::ReseedRandomDevRequest& request,
                                                  const Stop&) {
  RETURN_IF_ERROR(AddEntropy(request.data()));
  return Empty();
}

}  // namespace nacre::guest_agent
