// Policies over HTTP: set, listed, deleted, and what they then decide.
#include "attestation/broker/policy_endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attestation/broker/testing.h"
#include "attestation/protocol/error_body.h"
#include "base/encoding.h"

namespace nacre::attestation::testing {
namespace {

using ::testing::HasSubstr;

class PolicyTest : public ::testing::Test {
 protected:
  PolicyTest() { broker.Provision(); }

  Answer Set(const std::string& path, const std::string& text, const std::string& id = "") {
    Json body = {{"policy", Base64UrlEncode(AsBytes(text))}};
    if (!id.empty()) body["policy_id"] = id;
    return broker.Admin("POST", "/kbs/v0/" + path, body.dump());
  }
  int Status(const std::string& path) { return guest.Get(path).response.status; }

  TestBroker broker;
  TestGuest guest{broker};
};

constexpr char kAllow[] = "package policy\nallow := true\n";
constexpr char kDeny[] = "package policy\nallow := false\n";

TEST_F(PolicyTest, TheLongestPrefixDecides) {
  for (const char* path : {"a/b/c", "a/b/d", "a/x/c", "ab/b/c"}) {
    ASSERT_EQ(broker.Admin("POST", std::string("/kbs/v0/resource/") + path, "s").response.status,
              200);
  }
  ASSERT_EQ(guest.Run().response.status, 200);
  EXPECT_EQ(Set("resource-policy/a", kDeny).response.status, 200);
  EXPECT_EQ(Set("resource-policy/a/b", kAllow).response.status, 200);
  EXPECT_EQ(Set("resource-policy/a/b/d", kDeny).response.status, 200);
  EXPECT_EQ(Status("a/b/c"), 200);
  EXPECT_EQ(Status("a/b/d"), 403);
  EXPECT_EQ(Status("a/x/c"), 403);
  EXPECT_EQ(Status("ab/b/c"), 200);  // a prefix is of whole names
  EXPECT_EQ(Status("default/key/1"), 200);
  EXPECT_EQ(Set("resource-policy", kDeny).response.status, 200);
  EXPECT_EQ(Status("default/key/1"), 403);
  Json list = *ParseJson(broker.Admin("GET", "/kbs/v0/resource-policy").response.body);
  EXPECT_EQ(list["policies"].size(), 4u);
  EXPECT_EQ(broker.Admin("GET", "/kbs/v0/resource-policy/a/b").response.body, kAllow);
  // What was deleted leaves its place to the shorter one, and at last to the shipped policy.
  EXPECT_EQ(broker.Admin("DELETE", "/kbs/v0/resource-policy/a/b/d").response.status, 200);
  EXPECT_EQ(Status("a/b/d"), 200);
  EXPECT_EQ(broker.Admin("DELETE", "/kbs/v0/resource-policy").response.status, 200);
  EXPECT_EQ(Status("default/key/1"), 200);
  EXPECT_EQ(broker.Admin("DELETE", "/kbs/v0/resource-policy").response.status, 404);
}

TEST_F(PolicyTest, ADeniedResourceSaysWhereToTheOwnerOnly) {
  ASSERT_EQ(guest.Run().response.status, 200);
  ASSERT_EQ(Set("resource-policy",
                "package policy\nimport rego.v1\ndefault allow := false\n"
                "allow if input.submods.cpu0[\"ear.status\"] == \"affirming\"\n")
                .response.status,
            200);
  Answer answer = guest.Get("default/key/1");
  EXPECT_EQ(answer.response.status, 403);
  EXPECT_EQ(CodeOf(answer), "resource-policy");
  EXPECT_EQ(answer.response.body.find("ear.status"), std::string::npos);
  Json explanation = broker.LastExplanation();
  EXPECT_THAT(explanation["summary"].get<std::string>(), HasSubstr("policy 'resource'"));
  EXPECT_THAT(explanation["trace"].get<std::string>(), HasSubstr("contraindicated"));
}

TEST_F(PolicyTest, ABrokenPolicyIsRefusedAndTheOldOneStays) {
  ASSERT_EQ(guest.Run().response.status, 200);
  ASSERT_EQ(Set("resource-policy", kAllow).response.status, 200);
  Answer broken = Set("resource-policy", "package policy\nallow := = 1\n");
  EXPECT_EQ(broken.response.status, 400);
  EXPECT_EQ(CodeOf(broken), "bad-policy");
  EXPECT_THAT(broken.response.body, HasSubstr("resource:2:"));
  EXPECT_EQ(Status("default/key/1"), 200);
  EXPECT_EQ(broker.Admin("GET", "/kbs/v0/resource-policy").response.status, 200);
  for (const char* body : {"", "{", "[]", "{}", R"({"policy":1})", R"({"policy":"!!"})",
                           R"({"policy":"YQ","type":"opa"})"}) {
    EXPECT_EQ(broker.Admin("POST", "/kbs/v0/resource-policy", body).response.status, 400) << body;
  }
  for (const char* path : {"a/b/c/d", "a//b", ".a", "a/..", "a%2fb"}) {
    const std::string target = std::string("resource-policy/") + path;
    EXPECT_EQ(Set(target, kAllow).response.status, 400) << path;
  }
  EXPECT_EQ(Set("attestation-policy", kAllow, "default_cpu").response.status, 400);
  EXPECT_EQ(Set("attestation-policy", "package policy\ntrust_claims := {}", "../x").response.status,
            400);
}

TEST_F(PolicyTest, AnAttestationPolicyMayAskForMore) {
  const std::string strict =
      "package policy\nimport rego.v1\ndefault executables := 33\n"
      "executables := 3 if input.snp.reported_tcb_snp > 100\n"
      "trust_claims := {\"executables\": executables, \"hardware\": 2, \"configuration\": 2}\n";
  ASSERT_EQ(Set("attestation-policy", strict, "default").response.status, 200);
  Answer answer = guest.Run();
  EXPECT_EQ(answer.response.status, 401);
  EXPECT_EQ(CodeOf(answer), "attestation-policy");
  EXPECT_THAT(broker.LastExplanation()["summary"].get<std::string>(), HasSubstr("executables 33"));
  EXPECT_EQ(broker.Admin("DELETE", "/kbs/v0/attestation-policy/default_cpu").response.status, 200);
  EXPECT_EQ(guest.Run().response.status, 200);
  EXPECT_EQ(
      Set("attestation-policy", "package policy\ntrust_claims := 1", "default_cpu").response.status,
      200);
  EXPECT_EQ(CodeOf(guest.Run()), "attestation-policy");  // gives no claims: nobody is affirmed
}

TEST_F(PolicyTest, NoPolicyMakesAnEmulatorReal) {
  ASSERT_EQ(Set("attestation-policy",
                "package policy\ntrust_claims := {\"hardware\": 2, \"executables\": 2}", "default")
                .response.status,
            200);
  ASSERT_EQ(Set("resource-policy", kAllow).response.status, 200);
  TestBroker strict([](BrokerConfig& config) { config.allow_emulated = false; });
  strict.Provision();
  const Json body = {{"policy", Base64UrlEncode(AsBytes(kAllow))}};
  ASSERT_EQ(strict.Admin("POST", "/kbs/v0/resource-policy", body.dump()).response.status, 200);
  TestGuest emulated(strict);
  ASSERT_EQ(emulated.Run().response.status, 200);
  Answer answer = emulated.Get("default/key/1");
  EXPECT_EQ(answer.response.status, 403);
  EXPECT_EQ(CodeOf(answer), "emulated-not-allowed");
}

TEST_F(PolicyTest, AGuestThatIsNotAffirmedGetsATokenOnlyWhenTheOwnerSaysSo) {
  TestBroker lax([](BrokerConfig& config) { config.require_affirming = false; });
  lax.Provision();
  TestGuest changed(lax);
  changed.launch = Chip::Get().Launch("console=ttyS0 demo.changed=1");
  ASSERT_EQ(changed.Run().response.status, 200);
  EXPECT_THAT(lax.LastExplanation()["summary"].get<std::string>(), HasSubstr("genuine but"));
  EXPECT_EQ(CodeOf(changed.Get("default/key/1")), "resource-policy");  // the shipped one
  const Json body = {{"policy", Base64UrlEncode(AsBytes(kAllow))}};
  ASSERT_EQ(lax.Admin("POST", "/kbs/v0/resource-policy", body.dump()).response.status, 200);
  EXPECT_EQ(changed.Get("default/key/1").response.status, 200);
}

TEST_F(PolicyTest, PeersReferenceMessagesAreTaken) {
  EXPECT_EQ(broker.Admin("DELETE", "/kbs/v0/reference-value/pearl").response.status, 200);
  EXPECT_EQ(CodeOf(guest.Run()), "launch-measurement");
  const std::string measurement = broker.LastExplanation()["claims"]["measurement"];
  const auto message = [](const Json& values, const std::string& type = "sample",
                          const std::string& version = "0.1.0") {
    return Json{
        {"version", version}, {"type", type}, {"payload", Base64Encode(AsBytes(values.dump()))}}
        .dump();
  };
  const Json values = {{"snp_launch_measurement", {measurement}}, {"ns/other", 7}};
  Answer set = broker.Admin("POST", "/kbs/v0/reference-value", message(values));
  ASSERT_EQ(set.response.status, 200) << set.response.body;
  EXPECT_EQ(guest.Run().response.status, 200);
  EXPECT_THAT(broker.LastExplanation()["summary"].get<std::string>(), HasSubstr("approves"));
  EXPECT_EQ(broker.Admin("GET", "/kbs/v0/reference-value/ns/other").response.body, "7");
  EXPECT_EQ(broker.Admin("GET", "/kbs/v0/reference-value/ns%2Fother").response.body, "7");
  broker.now += int64_t{365} * 24 * 3600;
  EXPECT_EQ(broker.Admin("GET", "/kbs/v0/reference-value/ns/other").response.status, 404);
  for (const std::string& bad :
       {message(values, "swid"), message(values, "sample", "0.2.0"), message(Json::array()),
        message(Json::object()),
        std::string(R"({"version":"0.1.0","type":"sample","payload":"!"})"), message({{"", 1}}),
        message({{std::string(257, 'x'), 1}})}) {
    Answer answer = broker.Admin("POST", "/kbs/v0/reference-value", bad);
    EXPECT_EQ(answer.response.status, 400) << bad;
    EXPECT_EQ(CodeOf(answer), "bad-reference");
  }
  EXPECT_EQ(broker.Admin("POST", "/kbs/v0/reference-value", message({{std::string(256, 'x'), 1}}))
                .response.status,
            200);
}

}  // namespace
}  // namespace nacre::attestation::testing
