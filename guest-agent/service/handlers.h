// What the agent can do for the host, one method per request it honours. Only the dispatcher calls
// these, after the policy has allowed the request.
#pragma once

#include <google/protobuf/empty.pb.h>

#include <stop_token>

#include "api/agent.pb.h"
#include "base/status.h"

namespace nacre::guest_agent {

// Fires when nobody waits for the answer any more.
using Stop = std::stop_token;

class AgentHandlers {
 public:
  virtual ~AgentHandlers() = default;
  template <typename Response>
  using Result = absl::StatusOr<Response>;
  using Done = Result<google::protobuf::Empty>;

  virtual Done CreateSandbox(const grpc::CreateSandboxRequest&, const Stop&) = 0;
  virtual Done DestroySandbox(const grpc::DestroySandboxRequest&, const Stop&) = 0;
  virtual Done CreateContainer(const grpc::CreateContainerRequest&, const Stop&) = 0;
  virtual Done StartContainer(const grpc::StartContainerRequest&, const Stop&) = 0;
  virtual Done RemoveContainer(const grpc::RemoveContainerRequest&, const Stop&) = 0;
  virtual Done ExecProcess(const grpc::ExecProcessRequest&, const Stop&) = 0;
  virtual Done SignalProcess(const grpc::SignalProcessRequest&, const Stop&) = 0;
  virtual Result<grpc::WaitProcessResponse> WaitProcess(const grpc::WaitProcessRequest&,
                                                        const Stop&) = 0;
  virtual Result<grpc::StatsContainerResponse> StatsContainer(const grpc::StatsContainerRequest&,
                                                              const Stop&) = 0;
  virtual Result<grpc::WriteStreamResponse> WriteStdin(const grpc::WriteStreamRequest&,
                                                       const Stop&) = 0;
  virtual Result<grpc::ReadStreamResponse> ReadStdout(const grpc::ReadStreamRequest&,
                                                      const Stop&) = 0;
  virtual Result<grpc::ReadStreamResponse> ReadStderr(const grpc::ReadStreamRequest&,
                                                      const Stop&) = 0;
  virtual Done CloseStdin(const grpc::CloseStdinRequest&, const Stop&) = 0;
  virtual Done TtyWinResize(const grpc::TtyWinResizeRequest&, const Stop&) = 0;
  virtual Result<types::Interface> UpdateInterface(const grpc::UpdateInterfaceRequest&,
                                                   const Stop&) = 0;
  virtual Result<grpc::Routes> UpdateRoutes(const grpc::UpdateRoutesRequest&, const Stop&) = 0;
  virtual Result<grpc::Interfaces> ListInterfaces(const grpc::ListInterfacesRequest&,
                                                  const Stop&) = 0;
  virtual Result<grpc::Routes> ListRoutes(const grpc::ListRoutesRequest&, const Stop&) = 0;
  virtual Result<grpc::GuestDetailsResponse> GetGuestDetails(const grpc::GuestDetailsRequest&,
                                                             const Stop&) = 0;
  virtual Result<grpc::OOMEvent> GetOOMEvent(const grpc::GetOOMEventRequest&, const Stop&) = 0;
  virtual Done SetGuestDateTime(const grpc::SetGuestDateTimeRequest&, const Stop&) = 0;
  virtual Done ReseedRandomDev(const grpc::ReseedRandomDevRequest&, const Stop&) = 0;
};

}  // namespace nacre::guest_agent
