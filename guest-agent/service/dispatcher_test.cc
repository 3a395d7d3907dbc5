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
  NACRE_COUNT(ReadStdout, grpc::ReadStreamRequest, grpc::ReadStreamResponse)
  NACRE_COUNT(ReadStderr, grpc::ReadStreamRequest, grpc::ReadStreamResponse)
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

policy::RequestPolicy AllowAll() {
  std::string allow;
  for (const std::string& name : policy::KnownRequestNames())
    StrAppend(&allow, allow.empty() ? "" : ", ", "\"", name, "\"");
  return *policy::RequestPolicy::FromInitdata({{"policy.toml", StrCat("allow = [", allow, "]")}});
}

class DispatcherTest : public ::testing::Test {
 protected:
  absl::StatusCode Call(const policy::RequestPolicy& policy, std::string_view method,
                        std::string_view payload = "") {
    Dispatcher dispatcher(policy, std::make_unique<CountingHandlers>(&calls_));
    status_ = dispatcher.Dispatch("grpc.AgentService", method, payload, {}).status();
    return status_.code();
  }
  int calls_ = 0;
  absl::Status status_;
};

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
    EXPECT_EQ(Call(policy::RequestPolicy(), method.name), absl::StatusCode::kPermissionDenied)
        << method.name;
    EXPECT_EQ(Message(status_), StrCat("policy denied ", method.request, " (id 1)"));
  }
  EXPECT_EQ(calls_, 0);
}

TEST_F(DispatcherTest, EachRequestIsGatedUnderItsOwnName) {
  for (const Dispatcher::Method& allowed : Dispatcher::Methods()) {
    const auto policy = policy::RequestPolicy::FromInitdata(
        {{"policy.toml", StrCat("allow = [\"", allowed.request, "\"]")}});
    ASSERT_TRUE(policy.ok()) << policy.status();
    for (const Dispatcher::Method& method : Dispatcher::Methods()) {
      const bool denied = Call(*policy, method.name) == absl::StatusCode::kPermissionDenied;
      EXPECT_EQ(denied, method.request != allowed.request) << allowed.name << " " << method.name;
    }
  }
}

TEST_F(DispatcherTest, AllowedMethodsRunOrAreUnimplemented) {
  const policy::RequestPolicy all = AllowAll();
  std::set<std::string> unimplemented;
  for (const Dispatcher::Method& method : Dispatcher::Methods()) {
    const int before = calls_;
    const absl::StatusCode code = Call(all, method.name);
    if (code == absl::StatusCode::kUnimplemented) {
      unimplemented.insert(std::string(method.name));
      EXPECT_EQ(calls_, before) << method.name;
    } else {
      EXPECT_EQ(code, absl::StatusCode::kOk) << method.name;
      EXPECT_EQ(calls_, before + 1) << method.name;
    }
  }
  EXPECT_EQ(calls_, 22);
  EXPECT_TRUE(unimplemented.contains("CopyFile"));
  EXPECT_TRUE(unimplemented.contains("SetPolicy"));
}

TEST_F(DispatcherTest, PayloadIsDecodedBeforeThePolicyIsAsked) {
  EXPECT_EQ(Call(policy::RequestPolicy(), "StartContainer", "\xff\xff\xff"),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Call(AllowAll(), "StartContainer",
                 "\x0a\x05"
                 "ab"),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(calls_, 0);
}

TEST_F(DispatcherTest, DenialsAreCountedAndTellNoReason) {
  Dispatcher dispatcher(policy::RequestPolicy(), std::make_unique<CountingHandlers>(&calls_));
  for (const char* expected :
       {"policy denied SetPolicyRequest (id 1)", "policy denied SetPolicyRequest (id 2)"})
    EXPECT_EQ(Message(dispatcher.Dispatch("grpc.AgentService", "SetPolicy", "", {}).status()),
              expected);
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
  Dispatcher dispatcher(policy::RequestPolicy(), std::make_unique<CountingHandlers>(&calls_));
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
