#include "guest-agent/service/dispatcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "api/health.pb.h"
#include "base/strings.h"

namespace nacre::guest_agent {
namespace {

using ::testing::HasSubstr;

// Counts what reached a handler.
class CountingHandlers : public AgentHandlers {
 public:
  explicit CountingHandlers(int* calls) : calls_(calls) {}
#define NACRE_COUNT(Method, Request, Response)                            \
  absl::StatusOr<Response> Method(const Request&, const Stop&) override { \
    ++*calls_;                                                            \
    return Response();                                                    \
  }
  using Nothing = google::protobuf::Empty;
  NACRE_COUNT(CreateSandbox, grpc::CreateSandboxRequest, Nothing)
  NACRE_COUNT(DestroySandbox, grpc::DestroySandboxRequest, Nothing)
  NACRE_COUNT(CreateContainer, grpc::CreateContainerRequest, Nothing)
  NACRE_COUNT(StartContainer, grpc::StartContainerRequest, Nothing)
  NACRE_COUNT(RemoveContainer, grpc::RemoveContainerRequest, Nothing)
  NACRE_COUNT(ExecProcess, grpc::ExecProcessRequest, Nothing)
  NACRE_COUNT(SignalProcess, grpc::SignalProcessRequest, Nothing)
  NACRE_COUNT(WaitProcess, grpc::WaitProcessRequest, grpc::WaitProcessResponse)
  NACRE_COUNT(StatsContainer, grpc::StatsContainerRequest, grpc::StatsContainerResponse)
  NACRE_COUNT(WriteStdin, grpc::WriteStreamRequest, grpc::WriteStreamResponse)
  // Streams of three chunks.
  Result<grpc::ReadStreamResponse> ReadStdout(const grpc::ReadStreamRequest&,
                                              const Stop&) override {
    if (++*calls_ > 3) return absl::OutOfRangeError("end of stream");
    grpc::ReadStreamResponse response;
    response.set_data("secret");
    return response;
  }
  Result<grpc::ReadStreamResponse> ReadStderr(const grpc::ReadStreamRequest& request,
                                              const Stop& stop) override {
    return ReadStdout(request, stop);
  }
  NACRE_COUNT(CloseStdin, grpc::CloseStdinRequest, Nothing)
  NACRE_COUNT(TtyWinResize, grpc::TtyWinResizeRequest, Nothing)
  NACRE_COUNT(UpdateInterface, grpc::UpdateInterfaceRequest, types::Interface)
  NACRE_COUNT(UpdateRoutes, grpc::UpdateRoutesRequest, grpc::Routes)
  NACRE_COUNT(ListInterfaces, grpc::ListInterfacesRequest, grpc::Interfaces)
  NACRE_COUNT(ListRoutes, grpc::ListRoutesRequest, grpc::Routes)
  NACRE_COUNT(GetGuestDetails, grpc::GuestDetailsRequest, grpc::GuestDetailsResponse)
  NACRE_COUNT(GetOOMEvent, grpc::GetOOMEventRequest, grpc::OOMEvent)
  NACRE_COUNT(SetGuestDateTime, grpc::SetGuestDateTimeRequest, Nothing)
  NACRE_COUNT(ReseedRandomDev, grpc::ReseedRandomDevRequest, Nothing)
#undef NACRE_COUNT

 private:
  int* calls_;
};

const google::protobuf::ServiceDescriptor* Service() {
  return grpc::CreateContainerRequest::descriptor()->file()->FindServiceByName("AgentService");
}

std::unique_ptr<policy::RequestPolicy> Policy(std::string_view rules) {
  auto policy = policy::RequestPolicy::Compile(StrCat("package agent_policy\n", rules));
  EXPECT_TRUE(policy.ok()) << policy.status();
  return *std::move(policy);
}

std::unique_ptr<policy::RequestPolicy> NoPolicy() {
  return std::make_unique<policy::RequestPolicy>();
}

std::unique_ptr<policy::RequestPolicy> AllowAll() {
  std::string rules;
  for (const Dispatcher::Method& method : Dispatcher::Methods())
    StrAppend(&rules, method.request, " := true\n");
  return Policy(rules);
}

class DispatcherTest : public ::testing::Test {
 protected:
  absl::StatusCode Call(std::unique_ptr<policy::RequestPolicy> policy, std::string_view method,
                        std::string_view payload = "") {
    calls_ = 0;
    Dispatcher dispatcher(std::move(policy), std::make_unique<CountingHandlers>(&calls_));
    auto answer = dispatcher.Dispatch("grpc.AgentService", method, payload, {});
    status_ = answer.status();
    return status_.code();
  }
  std::unique_ptr<Dispatcher> Make(std::unique_ptr<policy::RequestPolicy> policy) {
    return std::make_unique<Dispatcher>(std::move(policy),
                                        std::make_unique<CountingHandlers>(&calls_));
  }
  int calls_ = 0;
  absl::Status status_;
};

TEST_F(DispatcherTest, EachDenialIsTold) {
  int told = 0;
  Dispatcher dispatcher(Policy("StatsContainerRequest := true"),
                        std::make_unique<CountingHandlers>(&calls_), false, [&] { ++told; });
  EXPECT_TRUE(dispatcher.Dispatch(kAgentService, "StatsContainer", "", {}).ok());
  EXPECT_EQ(told, 0);
  EXPECT_FALSE(dispatcher.Dispatch(kAgentService, "ExecProcess", "", {}).ok());
  EXPECT_FALSE(dispatcher.Dispatch(kAgentService, "UpdateContainer", "", {}).ok());
  EXPECT_EQ(told, 2);
}

// A method added to the protocol but not to the table fails here.
TEST_F(DispatcherTest, TableIsTheServiceMethodByMethod) {
  const std::vector<Dispatcher::Method> methods = Dispatcher::Methods();
  ASSERT_EQ(static_cast<int>(methods.size()), Service()->method_count());
  EXPECT_EQ(methods.size(), 42u);
  for (int i = 0; i < Service()->method_count(); ++i) {
    EXPECT_EQ(methods[i].name, Service()->method(i)->name());
    EXPECT_EQ(methods[i].request, Service()->method(i)->input_type()->name());
  }
}

TEST_F(DispatcherTest, WithoutPolicyNothingReachesAHandler) {
  for (const Dispatcher::Method& method : Dispatcher::Methods()) {
    EXPECT_EQ(Call(NoPolicy(), method.name), absl::StatusCode::kPermissionDenied) << method.name;
    EXPECT_EQ(Message(status_), StrCat("policy denied ", method.request, " (id 1)"));
    // Streams are drained: read to the end, and nothing of it is in the answer.
    EXPECT_EQ(calls_, method.request == "ReadStreamRequest" ? 4 : 0) << method.name;
  }
}

TEST_F(DispatcherTest, EachRequestIsGatedUnderItsOwnName) {
  for (const Dispatcher::Method& allowed : Dispatcher::Methods()) {
    for (const Dispatcher::Method& method : Dispatcher::Methods()) {
      const bool denied = Call(Policy(StrCat(allowed.request, " := true")), method.name) ==
                          absl::StatusCode::kPermissionDenied;
      EXPECT_EQ(denied, method.request != allowed.request) << allowed.name << " " << method.name;
    }
  }
}

TEST_F(DispatcherTest, AllowedMethodsRunOrAreUnimplemented) {
  std::set<std::string> unimplemented;
  int ran = 0;
  for (const Dispatcher::Method& method : Dispatcher::Methods()) {
    const absl::StatusCode code = Call(AllowAll(), method.name);
    if (code == absl::StatusCode::kUnimplemented) unimplemented.insert(std::string(method.name));
    EXPECT_LE(calls_, 1);
    ran += calls_;
    EXPECT_TRUE(calls_ == 0 || code == absl::StatusCode::kOk) << method.name;
  }
  EXPECT_EQ(ran, 22);
  EXPECT_TRUE(unimplemented.contains("CopyFile"));
  EXPECT_EQ(unimplemented.size(), 19u);
}

TEST_F(DispatcherTest, PayloadIsDecodedBeforeThePolicyIsAsked) {
  EXPECT_EQ(Call(NoPolicy(), "StartContainer", "\xff\xff\xff"), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Call(AllowAll(), "StartContainer",
                 "\x0a\x05"
                 "ab"),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Call(AllowAll(), "SetPolicy", "\xff"), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Call(AllowAll(), "ReadStdout", "\xff"), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(calls_, 0);
}

TEST_F(DispatcherTest, ThePolicySeesTheRequest) {
  const char* rules = "StartContainerRequest if input.container_id == \"good\"";
  grpc::StartContainerRequest request;
  request.set_container_id("good");
  EXPECT_EQ(Call(Policy(rules), "StartContainer", request.SerializeAsString()),
            absl::StatusCode::kOk);
  EXPECT_EQ(calls_, 1);
  request.set_container_id("bad");
  EXPECT_EQ(Call(Policy(rules), "StartContainer", request.SerializeAsString()),
            absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(calls_, 0);
}

TEST_F(DispatcherTest, DenialsAreCountedAndTellNoReason) {
  const auto dispatcher = Make(NoPolicy());
  for (const char* expected :
       {"policy denied SetPolicyRequest (id 1)", "policy denied SetPolicyRequest (id 2)"})
    EXPECT_EQ(Message(dispatcher->Dispatch("grpc.AgentService", "SetPolicy", "", {}).status()),
              expected);
}

// Requests go to the console only where the measured command line asks for it, polls of a stream
// only once.
TEST_F(DispatcherTest, ADebuggedGuestRecordsRequests) {
  grpc::ExecProcessRequest exec;
  exec.set_container_id("c1");
  for (const bool debug : {false, true}) {
    Dispatcher dispatcher(NoPolicy(), std::make_unique<CountingHandlers>(&calls_), debug);
    ::testing::internal::CaptureStderr();
    (void)dispatcher.Dispatch("grpc.AgentService", "ExecProcess", exec.SerializeAsString(), {});
    for (int i = 0; i < 2; ++i)
      (void)dispatcher.Dispatch("grpc.AgentService", "ReadStdout", "", {});
    const std::string said = ::testing::internal::GetCapturedStderr();
    const auto count = [&](std::string_view text) {
      return StrSplit(said, '\n').size() > 1 && said.find(text) != said.npos &&
             said.find(text) == said.rfind(text);
    };
    EXPECT_EQ(count(R"({"kind":"ExecProcessRequest","request":{"container_id":"c1")"), debug);
    EXPECT_EQ(count(R"({"kind":"ReadStreamRequest")"), debug);
  }
}

// Of a request whose handler fails, the policy remembers nothing.
TEST_F(DispatcherTest, StateChangesOnlyAfterTheHandlerSucceeded) {
  const auto dispatcher = Make(Policy(R"(
ReadStreamRequest := {"allowed": true, "ops": ops} if {
  not data.pstate.read
  ops := [{"op": "add", "path": "/pstate/read", "value": true}]
})"));
  const auto read = [&] {
    return dispatcher->Dispatch("grpc.AgentService", "ReadStdout", "", {}).status().code();
  };
  calls_ = 3;  // the stream has ended
  EXPECT_EQ(read(), absl::StatusCode::kOutOfRange);
  calls_ = 0;
  EXPECT_EQ(read(), absl::StatusCode::kOk);
  EXPECT_EQ(read(), absl::StatusCode::kPermissionDenied);
}

TEST_F(DispatcherTest, SetPolicyNeedsTheCurrentPolicy) {
  grpc::SetPolicyRequest request;
  request.set_policy("package agent_policy\nStartContainerRequest := true");
  EXPECT_EQ(Call(Policy("StartContainerRequest := true"), "SetPolicy", request.SerializeAsString()),
            absl::StatusCode::kPermissionDenied);
  const auto dispatcher = Make(Policy("SetPolicyRequest := true"));
  const auto call = [&](std::string_view method, std::string_view payload) {
    return dispatcher->Dispatch("grpc.AgentService", method, payload, {}).status().code();
  };
  grpc::SetPolicyRequest wrong;
  wrong.set_policy("package agent_policy\nStartContainerRequest :=");
  EXPECT_EQ(call("SetPolicy", wrong.SerializeAsString()), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(call("StartContainer", ""), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(call("SetPolicy", request.SerializeAsString()), absl::StatusCode::kOk);
  EXPECT_EQ(call("StartContainer", ""), absl::StatusCode::kOk);
  EXPECT_EQ(call("SetPolicy", request.SerializeAsString()), absl::StatusCode::kPermissionDenied);
}

TEST_F(DispatcherTest, UnknownServicesAndMethodsAreUnimplemented) {
  Dispatcher dispatcher(AllowAll(), std::make_unique<CountingHandlers>(&calls_));
  for (const auto& [service, method] :
       std::vector<std::pair<const char*, const char*>>{{"grpc.AgentService", "createContainer"},
                                                        {"grpc.AgentService", ""},
                                                        {"grpc.AgentService", "Check"},
                                                        {"AgentService", "CreateContainer"},
                                                        {"grpc.agentservice", "CreateContainer"},
                                                        {"", "CreateContainer"},
                                                        {"grpc.Health", "CreateContainer"},
                                                        {"grpc.Health", "Watch"}}) {
    EXPECT_EQ(dispatcher.Dispatch(service, method, "", {}).status().code(),
              absl::StatusCode::kUnimplemented)
        << service << "/" << method;
  }
  EXPECT_EQ(calls_, 0);
}

TEST_F(DispatcherTest, HealthNeedsNoPolicy) {
  Dispatcher dispatcher(NoPolicy(), std::make_unique<CountingHandlers>(&calls_));
  grpc::HealthCheckResponse health;
  ASSERT_TRUE(health.ParseFromString(dispatcher.Dispatch("grpc.Health", "Check", "", {}).value()));
  EXPECT_EQ(health.status(), grpc::HealthCheckResponse::SERVING);
  grpc::VersionCheckResponse version;
  ASSERT_TRUE(
      version.ParseFromString(dispatcher.Dispatch("grpc.Health", "Version", "", {}).value()));
  EXPECT_EQ(version.agent_version(), kAgentVersion);
  EXPECT_FALSE(dispatcher.Dispatch("grpc.Health", "Check", "\xff", {}).ok());
}

}  // namespace
}  // namespace nacre::guest_agent
