#include "policy/gate/request_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nacre::policy {
namespace {

using ::testing::HasSubstr;

TEST(RequestPolicy, DeniesEverythingByDefault) {
  const auto empty = RequestPolicy::FromInitdata({});
  ASSERT_TRUE(empty.ok());
  const auto none = RequestPolicy::FromInitdata({{"policy.toml", "allow = []\n"}});
  ASSERT_TRUE(none.ok()) << none.status();
  for (const std::string& name : KnownRequestNames()) {
    EXPECT_FALSE(RequestPolicy().Check(name).allowed) << name;
    EXPECT_FALSE(empty->Check(name).allowed) << name;
    EXPECT_FALSE(none->Check(name).allowed) << name;
  }
  EXPECT_FALSE(empty->Check("").allowed);
}

TEST(RequestPolicy, KnowsAllFortyOneRequests) {
  EXPECT_EQ(KnownRequestNames().size(), 41u);
  EXPECT_TRUE(KnownRequestNames().contains("ReadStreamRequest"));
  EXPECT_TRUE(KnownRequestNames().contains("SetPolicyRequest"));
}

TEST(RequestPolicy, AllowsExactlyWhatIsNamed) {
  const auto policy = RequestPolicy::FromInitdata(
      {{"policy.toml", "allow = [\"WaitProcessRequest\", \"CreateSandboxRequest\"]\n"}});
  ASSERT_TRUE(policy.ok()) << policy.status();
  EXPECT_TRUE(policy->Check("CreateSandboxRequest").allowed);
  EXPECT_EQ(policy->Check("CreateSandboxRequest").rule, "allow[1]");
  EXPECT_FALSE(policy->Check("createsandboxrequest").allowed);
  EXPECT_FALSE(policy->Check("grpc.CreateSandboxRequest").allowed);
  const Decision denied = policy->Check("ExecProcessRequest");
  EXPECT_FALSE(denied.allowed);
  EXPECT_EQ(denied.rule, "default");
  EXPECT_THAT(denied.reason, HasSubstr("ExecProcessRequest"));
}

TEST(RequestPolicy, RefusesRego) {
  const auto policy = RequestPolicy::FromInitdata(
      {{"policy.rego", "package agent_policy"}, {"policy.toml", "allow = []"}});
  EXPECT_EQ(policy.status().code(), absl::StatusCode::kUnimplemented);
}

TEST(RequestPolicy, RefusesUnknownNamesKeysAndShapes) {
  const auto typo =
      RequestPolicy::FromInitdata({{"policy.toml", "allow = [\"CreateContainerRequst\"]"}});
  EXPECT_THAT(typo.status().message(), HasSubstr("CreateContainerRequest"));
  for (const char* bad : {"alow = []", "allow = \"*\"", "allow = [1]", "allow = [\"*\"]", "allow",
                          "allow = [\"WaitProcessRequest\", \"WaitProcessRequest\"]"})
    EXPECT_FALSE(RequestPolicy::FromInitdata({{"policy.toml", bad}}).ok()) << bad;
}

}  // namespace
}  // namespace nacre::policy
