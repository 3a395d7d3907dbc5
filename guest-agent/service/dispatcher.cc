// The table below is the whole surface of the agent. A row is made from a handler's type, so the
// name the policy is asked about is always the name of the message that was decoded.

#include "guest-agent/service/dispatcher.h"

#include <unistd.h>

#include "api/health.pb.h"
#include "base/file.h"
#include "base/log.h"
#include "base/strings.h"
#include "guest-agent/limits.h"
#include "policy/gate/request_json.h"
#include "policy/rego/json.h"

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
  static absl::StatusOr<Request> Decode(std::string_view payload) {
    Request request;
    if (!request.ParseFromArray(payload.data(), static_cast<int>(payload.size())))
      return absl::InvalidArgumentError(StrCat("payload is not a ", RequestName<Request>()));
    return request;
  }

  template <auto kHandler, typename Request, typename Response>
  static absl::StatusOr<std::string> Call(Dispatcher& dispatcher, std::string_view payload,
                                          const Stop& stop) {
    ASSIGN_OR_RETURN(const Request request, Decode<Request>(payload));
    ASSIGN_OR_RETURN(auto permit, dispatcher.Gate(request, stop));
    ASSIGN_OR_RETURN(const Response response,
                     (dispatcher.handlers_.get()->*kHandler)(request, stop));
    permit.Commit();
    return response.SerializeAsString();
  }

  // The only run of a handler that the policy did not allow: nothing it reads goes anywhere.
  template <auto kHandler>
  static absl::StatusOr<std::string> ReadOrDrain(Dispatcher& dispatcher, std::string_view payload,
                                                 const Stop& stop) {
    ASSIGN_OR_RETURN(auto request, Decode<grpc::ReadStreamRequest>(payload));
    auto permit = dispatcher.Gate(request, stop);
    if (absl::IsPermissionDenied(permit.status())) {
      request.set_len(kMaxReadLength);
      while ((dispatcher.handlers_.get()->*kHandler)(request, stop).ok()) {
      }
    }
    RETURN_IF_ERROR(permit.status());
    ASSIGN_OR_RETURN(const grpc::ReadStreamResponse response,
                     (dispatcher.handlers_.get()->*kHandler)(request, stop));
    permit->Commit();
    return response.SerializeAsString();
  }

  template <typename Request>
  static absl::StatusOr<std::string> Refuse(Dispatcher& dispatcher, std::string_view payload,
                                            const Stop& stop) {
    ASSIGN_OR_RETURN(const Request request, Decode<Request>(payload));
    RETURN_IF_ERROR(dispatcher.Gate(request, stop).status());
    return absl::UnimplementedError(StrCat(RequestName<Request>(), " is not offered"));
  }

  static absl::StatusOr<std::string> SetPolicy(Dispatcher& dispatcher, std::string_view payload,
                                               const Stop& stop) {
    ASSIGN_OR_RETURN(const auto request, Decode<grpc::SetPolicyRequest>(payload));
    RETURN_IF_ERROR(dispatcher.Gate(request, stop).status());
    RETURN_IF_ERROR(dispatcher.policy_->Replace(request.policy()));
    return google::protobuf::Empty().SerializeAsString();
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
  template <auto kHandler>
  static Row Output(std::string_view name) {
    return {name, RequestName<grpc::ReadStreamRequest>, ReadOrDrain<kHandler>};
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
      Output<&H::ReadStdout>("ReadStdout"),
      Output<&H::ReadStderr>("ReadStderr"),
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
      Row{"SetPolicy", RequestName<grpc::SetPolicyRequest>, SetPolicy},
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

// One line a request, whole, for `nacre policy learn`. What a host asks again and again is written
// once.
void Dispatcher::Record(const google::protobuf::Message& request) {
  const std::string& kind = request.GetDescriptor()->name();
  for (const char* polled : {"ReadStreamRequest", "StatsContainerRequest", "GetOOMEventRequest"}) {
    if (kind != polled) continue;
    const std::lock_guard lock(mutex_);
    if (!recorded_.insert(kind).second) return;
  }
  rego::Arena arena;
  const auto input = policy::RequestInput(arena, request);
  if (!input.ok()) return;
  const std::string line =
      StrCat("{\"kind\":\"", kind, "\",\"request\":", rego::ToJson(*input), "}\n");
  WriteAll(STDERR_FILENO, AsBytes(line)).IgnoreError();
}

absl::StatusOr<policy::RequestPolicy::Permit> Dispatcher::Gate(
    const google::protobuf::Message& request, const Stop& stop) {
  if (explain_denials_) Record(request);
  auto permit = policy_->Check(request, stop);
  if (!absl::IsPermissionDenied(permit.status())) return permit;
  // The status names the request and the denial's id.
  Log(LogLevel::kWarning, "request_denied", {{"denial", Message(permit.status())}});
  if (on_denial_) on_denial_();
  if (explain_denials_) {
    for (const policy::Denial& denial : policy_->Denials()) {
      if (Message(permit.status()).ends_with(StrCat("(id ", denial.id, ")")))
        Log(LogLevel::kWarning, "denial_explained",
            {{"id", denial.id}, {"explanation", denial.explanation}});
    }
  }
  return permit;
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
