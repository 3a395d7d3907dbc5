#include "runtime/shim/agent_client.h"

#include <google/protobuf/empty.pb.h>

#include "base/strings.h"
#include "net/ttrpc/proto.h"
#include "runtime/sandbox/guest_spec.h"
#include "runtime/shim/agent_requests.h"

namespace nacre::runtime {
namespace {

using google::protobuf::Empty;

constexpr char kService[] = "grpc.AgentService";
constexpr int64_t kCallTimeoutMs = 30000;
constexpr uint32_t kReadSize = 32 << 10;

ttrpc::CallOptions Within(int64_t timeout_ms) {
  ttrpc::CallOptions options;
  options.timeout_ms = timeout_ms;
  return options;
}

ttrpc::CallOptions Until(std::stop_token stop) {
  ttrpc::CallOptions options;
  options.stop = std::move(stop);
  return options;
}

// The agent's answer, with the call's name before its error.
template <typename Response = Empty>
absl::StatusOr<Response> Call(ttrpc::Client& client, std::string_view method,
                              const google::protobuf::MessageLite& request,
                              const ttrpc::CallOptions& options) {
  auto response = ttrpc::CallProto<Response>(client, kService, method, request, options);
  if (!response.ok()) return Annotate(response.status(), StrCat("guest: ", method));
  return response;
}

template <typename Request>
Request About(const ProcessId& id) {
  Request request;
  request.set_container_id(id.container);
  request.set_exec_id(id.exec);
  return request;
}

}  // namespace

absl::StatusOr<std::unique_ptr<AgentClient>> AgentClient::Create(UniqueFd channel) {
  ASSIGN_OR_RETURN(auto client, ttrpc::Client::Create(std::move(channel)));
  return std::unique_ptr<AgentClient>(new AgentClient(std::move(client)));
}

absl::Status AgentClient::CreateSandbox(const SandboxPlan& plan, int64_t timeout_ms) {
  return Call(*client_, "CreateSandbox", CreateSandboxRequestFor(plan), Within(timeout_ms))
      .status();
}

absl::Status AgentClient::ConfigureNetwork(int64_t timeout_ms) {
  RETURN_IF_ERROR(Call<types::Interface>(*client_, "UpdateInterface", UpdateInterfaceRequestFor(),
                                         Within(timeout_ms))
                      .status());
  return Call<grpc::Routes>(*client_, "UpdateRoutes", UpdateRoutesRequestFor(), Within(timeout_ms))
      .status();
}

absl::Status AgentClient::CreateContainer(const grpc::CreateContainerRequest& request,
                                          int64_t timeout_ms) {
  return Call(*client_, "CreateContainer", request, Within(timeout_ms)).status();
}

absl::Status AgentClient::StartContainer(const std::string& container) {
  grpc::StartContainerRequest request;
  request.set_container_id(container);
  return Call(*client_, "StartContainer", request, Within(kCallTimeoutMs)).status();
}

absl::Status AgentClient::ExecProcess(const ProcessId& id, const Json& process) {
  auto request = About<grpc::ExecProcessRequest>(id);
  RETURN_IF_ERROR(FillGuestProcess(process, request.mutable_process()));
  return Call(*client_, "ExecProcess", request, Within(kCallTimeoutMs)).status();
}

absl::Status AgentClient::DestroySandbox(int64_t timeout_ms) {
  return Call(*client_, "DestroySandbox", grpc::DestroySandboxRequest(), Within(timeout_ms))
      .status();
}

absl::Status AgentClient::SignalProcess(const ProcessId& id, uint32_t signal, int64_t timeout_ms) {
  auto request = About<grpc::SignalProcessRequest>(id);
  request.set_signal(signal);
  return Call(*client_, "SignalProcess", request, Within(timeout_ms)).status();
}

absl::StatusOr<int> AgentClient::WaitProcess(const ProcessId& id) {
  ASSIGN_OR_RETURN(auto response, Call<grpc::WaitProcessResponse>(
                                      *client_, "WaitProcess", About<grpc::WaitProcessRequest>(id),
                                      ttrpc::CallOptions()));
  return response.status();
}

absl::Status AgentClient::ResizeTerminal(const ProcessId& id, uint32_t rows, uint32_t columns) {
  auto request = About<grpc::TtyWinResizeRequest>(id);
  request.set_row(rows);
  request.set_column(columns);
  return Call(*client_, "TtyWinResize", request, Within(kCallTimeoutMs)).status();
}

absl::StatusOr<grpc::StatsContainerResponse> AgentClient::Stats(const std::string& container) {
  grpc::StatsContainerRequest request;
  request.set_container_id(container);
  return Call<grpc::StatsContainerResponse>(*client_, "StatsContainer", request,
                                            Within(kCallTimeoutMs));
}

absl::StatusOr<std::string> AgentClient::NextOomEvent(std::stop_token stop) {
  ASSIGN_OR_RETURN(auto event,
                   Call<grpc::OOMEvent>(*client_, "GetOOMEvent", grpc::GetOOMEventRequest(),
                                        Until(std::move(stop))));
  return event.container_id();
}

absl::StatusOr<std::string> AgentClient::ReadOutput(Output which, const ProcessId& id,
                                                    std::stop_token stop) {
  auto request = About<grpc::ReadStreamRequest>(id);
  request.set_len(kReadSize);
  ASSIGN_OR_RETURN(auto response,
                   Call<grpc::ReadStreamResponse>(
                       *client_, which == Output::kStdout ? "ReadStdout" : "ReadStderr", request,
                       Until(std::move(stop))));
  return std::move(*response.mutable_data());
}

absl::StatusOr<size_t> AgentClient::WriteStdin(const ProcessId& id, std::string_view data,
                                               std::stop_token stop) {
  auto request = About<grpc::WriteStreamRequest>(id);
  request.set_data(std::string(data));
  ASSIGN_OR_RETURN(auto response, Call<grpc::WriteStreamResponse>(*client_, "WriteStdin", request,
                                                                  Until(std::move(stop))));
  return response.len();
}

absl::Status AgentClient::CloseStdin(const ProcessId& id) {
  return Call(*client_, "CloseStdin", About<grpc::CloseStdinRequest>(id), Within(kCallTimeoutMs))
      .status();
}

}  // namespace nacre::runtime
