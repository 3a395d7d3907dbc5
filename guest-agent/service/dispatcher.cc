// The table below is the whole surface of the agent. A row is made from a handler's type, so the
// name the policy is asked about is always the name of the message that was decoded.

#include "guest-agent/service/dispatcher.h"

#include "api/health.pb.h"
#include "base/log.h"
#include "base/strings.h"

namespace nacre::guest_agent {

struct DispatchTable {
  using Run = absl::StatusOr<std::string> (*)(Dispatcher&, std::string_view payload, const Stop&);
  struct Row {
    std::string_view name;
    std::string_view (*request)();
    Run run;
  };

  template <typename Request>
  static std::string_view RequestName() {
    return Request::descriptor()->name();
  }

  template <typename Request>
  static absl::StatusOr<Request> DecodeAndGate(Dispatcher& dispatcher, std::string_view payload) {
    Request request;
    if (!request.ParseFromArray(payload.data(), static_cast<int>(payload.size())))
      return absl::InvalidArgumentError(StrCat("payload is not a ", RequestName<Request>()));
    RETURN_IF_ERROR(dispatcher.Gate(RequestName<Request>()));
    return request;
  }

  template <auto kHandler, typename Request, typename Response>
  static absl::StatusOr<std::string> Call(Dispatcher& dispatcher, std::string_view payload,
                                          const Stop& stop) {
    ASSIGN_OR_RETURN(const Request request, DecodeAndGate<Request>(dispatcher, payload));
    ASSIGN_OR_RETURN(const Response response,
                     (dispatcher.handlers_.get()->*kHandler)(request, stop));
    return response.SerializeAsString();
  }

  template <typename Request>
  static absl::StatusOr<std::string> Refuse(Dispatcher& dispatcher, std::string_view payload,
                                            const Stop&) {
    RETURN_IF_ERROR(DecodeAndGate<Request>(dispatcher, payload).status());
    return absl::UnimplementedError(StrCat(RequestName<Request>(), " is not offered"));
  }

  template <auto kHandler, typename Request, typename Response>
  static Row MakeRow(std::string_view name,
                     absl::StatusOr<Response> (AgentHandlers::*)(const Request&, const Stop&)) {
    return {name, RequestName<Request>, Call<kHandler, Request, Response>};
  }
  template <auto kHandler>
  static Row Offered(std::string_view name) {
    return MakeRow<kHandler>(name, kHandler);
  }
  template <typename Request>
  static Row NotOffered(std::string_view name) {
    return {name, RequestName<Request>, Refuse<Request>};
  }

  static const std::vector<Row>& Rows();
};

const std::vector<DispatchTable::Row>& DispatchTable::Rows() {
  using H = AgentHandlers;
  static const auto* const kRows = new std::vector<Row>{
      Offered<&H::CreateContainer>("CreateContainer"),
      Offered<&H::StartContainer>("StartContainer"),
      Offered<&H::RemoveContainer>("RemoveContainer"),
      Offered<&H::ExecProcess>("ExecProcess"),
      Offered<&H::SignalProcess>("SignalProcess"),
      Offered<&H::WaitProcess>("WaitProcess"),
      NotOffered<grpc::UpdateContainerRequest>("UpdateContainer"),
      NotOffered<grpc::UpdateEphemeralMountsRequest>("UpdateEphemeralMounts"),
      Offered<&H::StatsContainer>("StatsContainer"),
      NotOffered<grpc::PauseContainerRequest>("PauseContainer"),
      NotOffered<grpc::ResumeContainerRequest>("ResumeContainer"),
      NotOffered<grpc::RemoveStaleVirtiofsShareMountsRequest>("RemoveStaleVirtiofsShareMounts"),
      NotOffered<grpc::GetDiagnosticDataRequest>("GetDiagnosticData"),
      Offered<&H::WriteStdin>("WriteStdin"),
      Offered<&H::ReadStdout>("ReadStdout"),
      Offered<&H::ReadStderr>("ReadStderr"),
      Offered<&H::CloseStdin>("CloseStdin"),
      Offered<&H::TtyWinResize>("TtyWinResize"),
      Offered<&H::UpdateInterface>("UpdateInterface"),
      Offered<&H::UpdateRoutes>("UpdateRoutes"),
      Offered<&H::ListInterfaces>("ListInterfaces"),
      Offered<&H::ListRoutes>("ListRoutes"),
      NotOffered<grpc::AddARPNeighborsRequest>("AddARPNeighbors"),
      NotOffered<grpc::GetIPTablesRequest>("GetIPTables"),
      NotOffered<grpc::SetIPTablesRequest>("SetIPTables"),
      NotOffered<grpc::GetMetricsRequest>("GetMetrics"),
      NotOffered<grpc::MemAgentMemcgConfig>("MemAgentMemcgSet"),
      NotOffered<grpc::MemAgentCompactConfig>("MemAgentCompactSet"),
      Offered<&H::CreateSandbox>("CreateSandbox"),
      Offered<&H::DestroySandbox>("DestroySandbox"),
      NotOffered<grpc::OnlineCPUMemRequest>("OnlineCPUMem"),
      Offered<&H::ReseedRandomDev>("ReseedRandomDev"),
      Offered<&H::GetGuestDetails>("GetGuestDetails"),
      NotOffered<grpc::MemHotplugByProbeRequest>("MemHotplugByProbe"),
      Offered<&H::SetGuestDateTime>("SetGuestDateTime"),
      NotOffered<grpc::CopyFileRequest>("CopyFile"),
      Offered<&H::GetOOMEvent>("GetOOMEvent"),
      NotOffered<grpc::AddSwapRequest>("AddSwap"),
      NotOffered<grpc::AddSwapPathRequest>("AddSwapPath"),
      NotOffered<grpc::VolumeStatsRequest>("GetVolumeStats"),
      NotOffered<grpc::ResizeVolumeRequest>("ResizeVolume"),
      NotOffered<grpc::SetPolicyRequest>("SetPolicy"),
  };
  return *kRows;
}

namespace {

absl::StatusOr<std::string> DispatchHealth(std::string_view method, std::string_view payload) {
  grpc::CheckRequest request;
  if (!request.ParseFromArray(payload.data(), static_cast<int>(payload.size())))
    return absl::InvalidArgumentError("payload is not a CheckRequest");
  if (method == "Check") {
    grpc::HealthCheckResponse response;
    response.set_status(grpc::HealthCheckResponse::SERVING);
    return response.SerializeAsString();
  }
  if (method == "Version") {
    grpc::VersionCheckResponse response;
    response.set_grpc_version("0.0.1");
    response.set_agent_version(std::string(kAgentVersion));
    return response.SerializeAsString();
  }
  return absl::UnimplementedError("grpc.Health has no such method");
}

}  // namespace

absl::Status Dispatcher::Gate(std::string_view request_name) {
  const policy::Decision decision = policy_.Check(request_name);
  if (decision.allowed) return absl::OkStatus();
  const uint64_t id = ++denials_;
  Log(LogLevel::kWarning, "request_denied",
      {{"request", request_name},
       {"id", id},
       {"rule", decision.rule},
       {"reason", decision.reason}});
  return absl::PermissionDeniedError(StrCat("policy denied ", request_name, " (id ", id, ")"));
}

absl::StatusOr<std::string> Dispatcher::Dispatch(std::string_view service, std::string_view method,
                                                 std::string_view payload, const Stop& stop) {
  if (service == kHealthService) return DispatchHealth(method, payload);
  if (service != kAgentService) return absl::UnimplementedError("no such service");
  for (const DispatchTable::Row& row : DispatchTable::Rows()) {
    if (row.name == method) return row.run(*this, payload, stop);
  }
  return absl::UnimplementedError("grpc.AgentService has no such method");
}

std::vector<Dispatcher::Method> Dispatcher::Methods() {
  std::vector<Method> out;
  for (const DispatchTable::Row& row : DispatchTable::Rows())
    out.push_back({row.name, row.request()});
  return out;
}

}  // namespace nacre::guest_agent
