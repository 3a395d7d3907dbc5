// The handlers of the running guest: each request turned into calls of the rooms beside this one.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "guest-agent/container/containers.h"
#include "guest-agent/network/network.h"
#include "guest-agent/service/handlers.h"

namespace nacre::guest_agent {

struct AgentServiceOptions {
  std::string resolv_conf = "/etc/resolv.conf";  // the guest's; bound into containers
  std::function<bool()> attested;                // has a broker accepted this guest?
  std::function<void()> on_destroy;              // the sandbox is over; called once, must not block
};

class AgentService : public AgentHandlers {
 public:
  AgentService(std::unique_ptr<Containers> containers, AgentServiceOptions options)
      : containers_(std::move(containers)), options_(std::move(options)) {}

  Done CreateSandbox(const grpc::CreateSandboxRequest&, const Stop&) override;
  Done DestroySandbox(const grpc::DestroySandboxRequest&, const Stop&) override;
  Done CreateContainer(const grpc::CreateContainerRequest&, const Stop&) override;
  Done StartContainer(const grpc::StartContainerRequest&, const Stop&) override;
  Done RemoveContainer(const grpc::RemoveContainerRequest&, const Stop&) override;
  Done ExecProcess(const grpc::ExecProcessRequest&, const Stop&) override;
  Done SignalProcess(const grpc::SignalProcessRequest&, const Stop&) override;
  Result<grpc::WaitProcessResponse> WaitProcess(const grpc::WaitProcessRequest&,
                                                const Stop&) override;
  Result<grpc::StatsContainerResponse> StatsContainer(const grpc::StatsContainerRequest&,
                                                      const Stop&) override;
  Result<grpc::WriteStreamResponse> WriteStdin(const grpc::WriteStreamRequest&,
                                               const Stop&) override;
  Result<grpc::ReadStreamResponse> ReadStdout(const grpc::ReadStreamRequest&, const Stop&) override;
  Result<grpc::ReadStreamResponse> ReadStderr(const grpc::ReadStreamRequest&, const Stop&) override;
  Done CloseStdin(const grpc::CloseStdinRequest&, const Stop&) override;
  Done TtyWinResize(const grpc::TtyWinResizeRequest&, const Stop&) override;
  Result<types::Interface> UpdateInterface(const grpc::UpdateInterfaceRequest&,
                                           const Stop&) override;
  Result<grpc::Routes> UpdateRoutes(const grpc::UpdateRoutesRequest&, const Stop&) override;
  Result<grpc::Interfaces> ListInterfaces(const grpc::ListInterfacesRequest&, const Stop&) override;
  Result<grpc::Routes> ListRoutes(const grpc::ListRoutesRequest&, const Stop&) override;
  Result<grpc::GuestDetailsResponse> GetGuestDetails(const grpc::GuestDetailsRequest&,
                                                     const Stop&) override;
  Result<grpc::OOMEvent> GetOOMEvent(const grpc::GetOOMEventRequest&, const Stop&) override;
  Done SetGuestDateTime(const grpc::SetGuestDateTimeRequest&, const Stop&) override;
  Done ReseedRandomDev(const grpc::ReseedRandomDevRequest&, const Stop&) override;

 private:
  // Runs `work` on the one netlink socket, opened at the first need.
  template <typename Work>
  auto WithNetwork(Work work) -> decltype(work(std::declval<Network&>()));
  absl::Status ExpectSandbox();

  const std::unique_ptr<Containers> containers_;
  const AgentServiceOptions options_;
  std::mutex mutex_;  // guards what follows
  std::unique_ptr<Network> network_;
  enum class Sandbox { kNone, kCreated, kDestroyed } sandbox_ = Sandbox::kNone;
  bool has_dns_ = false;
};

}  // namespace nacre::guest_agent
