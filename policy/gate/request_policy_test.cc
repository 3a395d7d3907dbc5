#include "policy/gate/request_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "api/agent.pb.h"
#include "base/status_testing.h"
#include "base/strings.h"

namespace nacre::policy {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::unique_ptr<RequestPolicy> Policy(std::string_view rules) {
  auto policy = RequestPolicy::Compile(StrCat("package agent_policy\n", rules));
  EXPECT_TRUE(policy.ok()) << policy.status();
  return *std::move(policy);
}

grpc::ExecProcessRequest Exec(std::initializer_list<const char*> args) {
  grpc::ExecProcessRequest request;
  request.set_container_id("c1");
  for (const char* arg : args) request.mutable_process()->add_args(arg);
  return request;
}

bool Allows(RequestPolicy& policy, const google::protobuf::Message& request) {
  auto permit = policy.Check(request);
  if (permit.ok()) permit->Commit();
  return permit.ok();
}

TEST(RequestPolicy, WithoutPolicyEverythingIsDenied) {
  RequestPolicy none;
  const auto permit = none.Check(Exec({"sh"}));
  EXPECT_EQ(permit.status().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(Message(permit.status()), "policy denied ExecProcessRequest (id 1)");
  const auto empty = RequestPolicy::FromInitdata({{"nacre.toml", ""}});
  ASSERT_OK(empty);
  EXPECT_FALSE(Allows(**empty, grpc::GetOOMEventRequest()));
  EXPECT_TRUE((*empty)->NeverAllows("GetOOMEventRequest"));
}

TEST(RequestPolicy, TheRuleOfTheRequestsNameDecides) {
  const auto policy = Policy(R"(
default StartContainerRequest := true
default ExecProcessRequest := false
ExecProcessRequest if input.process.Args == ["date", "-u"]
WaitProcessRequest := {"allowed": true}
StatsContainerRequest := {"allowed": false, "ops": []}
)");
  EXPECT_TRUE(Allows(*policy, grpc::StartContainerRequest()));
  EXPECT_TRUE(Allows(*policy, Exec({"date", "-u"})));
  EXPECT_TRUE(Allows(*policy, grpc::WaitProcessRequest()));
  EXPECT_FALSE(Allows(*policy, Exec({"date"})));
  EXPECT_FALSE(Allows(*policy, Exec({})));
  EXPECT_FALSE(Allows(*policy, grpc::StatsContainerRequest()));
  EXPECT_FALSE(Allows(*policy, grpc::RemoveContainerRequest()));
}

TEST(RequestPolicy, WhatIsNoDecisionDenies) {
  for (const char* rule :
       {"\"true\"", "1", "null", "[true]", "{}", "{\"allowed\": 1}", "{\"ops\": []}",
        "{\"allowed\": true, \"ops\": 1}", "{\"allowed\": true, \"ops\": [1]}"}) {
    const auto policy = Policy(StrCat("GetOOMEventRequest := ", rule));
    EXPECT_FALSE(Allows(*policy, grpc::GetOOMEventRequest())) << rule;
    EXPECT_FALSE(policy->Denials().back().explanation.empty()) << rule;
  }
}

TEST(RequestPolicy, ErrorsAndSpentBudgetsDeny) {
  const auto conflict = Policy("GetOOMEventRequest if true\nGetOOMEventRequest := false if true");
  EXPECT_FALSE(Allows(*conflict, grpc::GetOOMEventRequest()));
  EXPECT_THAT(conflict->Denials().back().explanation, HasSubstr("eval_conflict_error"));
  const auto endless = Policy(
      "n := numbers.range(1, 2000)\n"
      "GetOOMEventRequest if count([1 | n[_] + n[_] + n[_] > 0]) > 0");
  EXPECT_FALSE(Allows(*endless, grpc::GetOOMEventRequest()));
  EXPECT_THAT(endless->Denials().back().explanation, HasSubstr("eval_cancel_error"));
}

TEST(RequestPolicy, BothSyntaxes) {
  EXPECT_TRUE(Allows(*Policy("GetOOMEventRequest { input == {} }"), grpc::GetOOMEventRequest()));
  EXPECT_TRUE(Allows(*Policy("import future.keywords.if\nGetOOMEventRequest if { input == {} }"),
                     grpc::GetOOMEventRequest()));
  EXPECT_TRUE(Allows(*Policy("GetOOMEventRequest if input == {}"), grpc::GetOOMEventRequest()));
}

TEST(RequestPolicy, RefusesWhatItCannotHonour) {
  const auto refused = [](std::string_view text) {
    return std::string(Message(RequestPolicy::Compile(text).status()));
  };
  EXPECT_THAT(refused("package agent_policy\nallow :="), HasSubstr("policy.rego:2:"));
  EXPECT_THAT(refused("package other\nGetOOMEventRequest := true"), HasSubstr("agent_policy"));
  EXPECT_THAT(refused(""), HasSubstr("policy.rego"));
  EXPECT_THAT(refused("package agent_policy\ndefault AllowRequestsFailingPolicy := true"),
              HasSubstr("AllowRequestsFailingPolicy"));
  EXPECT_TRUE(
      RequestPolicy::Compile("package agent_policy\ndefault AllowRequestsFailingPolicy := false")
          .ok());
}

TEST(RequestPolicy, DenialsSayWhyAndAreBounded) {
  const auto policy = Policy("ExecProcessRequest if input.process.Args == [\"date\"]");
  for (size_t i = 0; i < kKeptDenials + 2; ++i) EXPECT_FALSE(Allows(*policy, Exec({"cat", "/x"})));
  const std::vector<Denial> denials = policy->Denials();
  ASSERT_EQ(denials.size(), kKeptDenials);
  EXPECT_EQ(denials.front().id, 3u);
  EXPECT_EQ(denials.back().id, kKeptDenials + 2);
  EXPECT_EQ(denials.back().request, "ExecProcessRequest");
  EXPECT_EQ(policy->Denials(2).size(), kKeptDenials);
  ASSERT_EQ(policy->Denials(kKeptDenials + 1).size(), 1u);
  EXPECT_EQ(policy->Denials(kKeptDenials + 1)[0].id, kKeptDenials + 2);
  EXPECT_TRUE(policy->Denials(kKeptDenials + 2).empty());
  EXPECT_THAT(denials.back().explanation, HasSubstr("input.process.Args == [\"date\"]"));
  EXPECT_THAT(denials.back().explanation, HasSubstr("[\"cat\", \"/x\"]"));
  const auto long_one = Exec({std::string(1 << 16, 'x').c_str()});
  const auto denied = policy->Check(long_one);
  EXPECT_THAT(std::string(Message(denied.status())), Not(HasSubstr("xx")));
  EXPECT_LE(policy->Denials().back().explanation.size(), kMaxExplanation);
}

TEST(RequestPolicy, NeverAllowsIsAboutConstants) {
  const auto policy = Policy(
      "default ReadStreamRequest := false\n"
      "default WriteStreamRequest := true\n"
      "default ExecProcessRequest := false\nExecProcessRequest if input.exec_id == \"1\"");
  EXPECT_TRUE(policy->NeverAllows("ReadStreamRequest"));
  EXPECT_TRUE(policy->NeverAllows("CopyFileRequest"));
  EXPECT_FALSE(policy->NeverAllows("WriteStreamRequest"));
  EXPECT_FALSE(policy->NeverAllows("ExecProcessRequest"));
}

constexpr char kOncePerContainer[] = R"(
StartContainerRequest := {"allowed": true, "ops": ops} if {
  not data.pstate[input.container_id]
  ops := [{"op": "add", "path": concat("/", ["/pstate", input.container_id]), "value": 1}]
}
StatsContainerRequest if data.pstate[input.container_id]
)";

grpc::StartContainerRequest Start(const char* id) {
  grpc::StartContainerRequest request;
  request.set_container_id(id);
  return request;
}

TEST(RequestPolicyState, IsWhatCommittedRequestsLeft) {
  const auto policy = Policy(kOncePerContainer);
  {
    const auto failed = policy->Check(Start("a"));  // no Commit
    ASSERT_OK(failed);
  }
  EXPECT_TRUE(Allows(*policy, Start("a")));
  EXPECT_FALSE(Allows(*policy, Start("a")));
  EXPECT_TRUE(Allows(*policy, Start("b")));
  EXPECT_FALSE(Allows(*policy, Start("b")));
}

// Both are asked before either is done: the second waits and is judged by what the first left.
TEST(RequestPolicyState, TwoAtOnceAreJudgedOneAfterTheOther) {
  const auto policy = Policy(kOncePerContainer);
  auto first = policy->Check(Start("a"));
  ASSERT_OK(first);
  absl::Status second = absl::OkStatus();
  std::thread other([&] { second = policy->Check(Start("a")).status(); });
  // What changes nothing does not wait, and sees the state before.
  grpc::StatsContainerRequest stats;
  stats.set_container_id("a");
  EXPECT_FALSE(Allows(*policy, stats));
  first->Commit();
  first = absl::CancelledError("gone");
  other.join();
  EXPECT_EQ(second.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_TRUE(Allows(*policy, stats));
}

TEST(RequestPolicyState, WaitingEndsWithStop) {
  const auto policy = Policy(kOncePerContainer);
  const auto first = policy->Check(Start("a"));
  ASSERT_OK(first);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(policy->Check(Start("b"), stop.get_token()).status().code(),
            absl::StatusCode::kCancelled);
}

TEST(RequestPolicyState, ANewPolicyBeginsAnew) {
  const auto policy = Policy(kOncePerContainer);
  EXPECT_TRUE(Allows(*policy, Start("a")));
  auto late = policy->Check(Start("b"));
  ASSERT_OK(late);
  EXPECT_OK(policy->Replace(StrCat("package agent_policy\n", kOncePerContainer)));
  late->Commit();  // of the old one: changes nothing
  late = absl::CancelledError("gone");
  EXPECT_TRUE(Allows(*policy, Start("a")));
  EXPECT_TRUE(Allows(*policy, Start("b")));
  EXPECT_FALSE(policy->Replace("package agent_policy\nx :=").ok());
  EXPECT_FALSE(Allows(*policy, Start("a")));
}

TEST(RequestPolicyState, PatchesStayInsidePstate) {
  for (const char* op :
       {R"({"op": "add", "path": "/agent_policy", "value": 1})",
        R"({"op": "add", "path": "/pstates", "value": 1})",
        R"({"op": "add", "path": "", "value": 1})",
        R"({"op": "copy", "from": "/other", "path": "/pstate/a"})",
        R"({"op": "remove", "path": "/pstate/none"})", R"({"op": "add", "path": "/pstate/a/b/c"})",
        R"({"op": "test", "path": "/pstate", "value": 1})",
        R"({"op": "bad", "path": "/pstate"})"}) {
    const auto policy =
        Policy(StrCat("GetOOMEventRequest := {\"allowed\": true, \"ops\": [", op, "]}"));
    EXPECT_FALSE(Allows(*policy, grpc::GetOOMEventRequest())) << op;
    EXPECT_THAT(policy->Denials().back().explanation, HasSubstr("ops")) << op;
  }
}

TEST(RequestPolicyState, SizeIsBounded) {
  const auto policy = Policy(R"(
change := {"op": "add", "path": "/pstate/a", "value": input.policy}
SetPolicyRequest := {"allowed": true, "ops": [change]}
)");
  grpc::SetPolicyRequest request;
  request.set_policy(std::string(kMaxPolicyState - 100, 'x'));
  EXPECT_TRUE(Allows(*policy, request));
  request.set_policy(std::string(kMaxPolicyState, 'x'));
  EXPECT_FALSE(Allows(*policy, request));
}

}  // namespace
}  // namespace nacre::policy
