// Policies as the field writes them, and what is refused in them.
#include "attestation/broker/broker_policy.h"

#include "base/status_testing.h"

namespace nacre::attestation {
namespace {

Json NoValues(std::string_view) { return nullptr; }

Json SnpEvidence(const std::string& measurement = "aa", bool emulated = false) {
  return {{"snp",
           {{"measurement", measurement},
            {"emulated", emulated},
            {"reference", ""},
            {"evidence", {{"measurement", measurement}, {"reported_tcb", {{"snp", 23}}}}}}},
          {"init_data", ""}};
}

absl::StatusOr<std::shared_ptr<const BrokerPolicy>> Attestation(std::string_view text) {
  return BrokerPolicy::Compile(PolicyKind::kAttestation, "default_cpu", text);
}

absl::StatusOr<std::shared_ptr<const BrokerPolicy>> Resource(std::string_view text) {
  return BrokerPolicy::Compile(PolicyKind::kResource, "resource", text);
}

bool Allows(std::string_view text, const Json& token, const Json& data = Json::object()) {
  auto policy = Resource(text);
  EXPECT_OK(policy.status());
  return policy.ok() && (*policy)->Decide(token, data, NoValues).allowed;
}

TEST(BrokerPolicy, AnAttestationPolicyOfPeersWorksUnchanged) {
  // Rules, names and the host's function as Confidential Containers' policies have them.
  ASSERT_OK_AND_ASSIGN(auto policy, Attestation(R"(package policy
import rego.v1
default executables := 33
default hardware := 97
default configuration := 36
trust_claims := {
  "executables": executables, "hardware": hardware, "configuration": configuration,
  "file-system": 0, "instance-identity": 0, "runtime-opaque": 0, "storage-opaque": 0,
  "sourced-data": 0
}
executables := 3 if input.snp.evidence.measurement in query_reference_value("launch")
hardware := 2 if input.snp.evidence.reported_tcb.snp in query_reference_value("snp_snp_svn")
configuration := 2 if input.snp.smt == query_reference_value("smt")
else := 3 if input.snp
extensions := [{"name": "ear.trustee.identifiers", "key": -18, "value": {"validated": {"a": 1}}}]
)"));
  ASSERT_OK_AND_ASSIGN(TrustClaims unknown, policy->Judge(SnpEvidence(), NoValues));
  EXPECT_EQ(unknown.vector["executables"], 33);
  EXPECT_EQ(unknown.vector["hardware"], 97);
  EXPECT_EQ(unknown.vector["configuration"], 3);
  EXPECT_EQ(unknown.vector.size(), 8u);
  EXPECT_EQ(unknown.extensions["ear.trustee.identifiers"]["validated"]["a"], 1);
  const ReferenceQuery values = [](std::string_view id) -> Json {
    if (id == "launch") return {"bb", "aa"};
    if (id == "snp_snp_svn") return Json::array({22, 23});
    return nullptr;
  };
  ASSERT_OK_AND_ASSIGN(TrustClaims known, policy->Judge(SnpEvidence(), values));
  EXPECT_EQ(known.vector["executables"], 3);
  EXPECT_EQ(known.vector["hardware"], 2);
}

TEST(BrokerPolicy, ResourcePoliciesOfBothLanguageVersionsRun) {
  const Json token = {{"submods", {{"cpu0", {{"ear.status", "affirming"}}}}}};
  const Json bad = {{"submods", {{"cpu0", {{"ear.status", "warning"}}}}}};
  constexpr std::string_view kV1 =
      "package policy\nimport rego.v1\ndefault allow = false\nallow if {\n"
      "  not any_bad\n  count(input.submods) > 0\n}\n"
      "any_bad if {\n  some _, m in input.submods\n  m[\"ear.status\"] != \"affirming\"\n}\n";
  constexpr std::string_view kV0 =
      "package policy\ndefault allow = false\nallow {\n  data.plugin == \"resource\"\n"
      "  data[\"resource-path\"][0] == \"repo\"\n  count(data.query) == 0\n}\n";
  EXPECT_TRUE(Allows(kV1, token));
  EXPECT_FALSE(Allows(kV1, bad));
  EXPECT_FALSE(Allows(kV1, {{"submods", Json::object()}}));
  const auto data = [](const char* repository) {
    return Json{{"plugin", "resource"},
                {"resource-path", {repository, "type", "tag"}},
                {"query", Json::object()}};
  };
  EXPECT_TRUE(Allows(kV0, token, data("repo")));
  EXPECT_FALSE(Allows(kV0, token, data("other")));
}

TEST(BrokerPolicy, OnlyTrueIsAYes) {
  for (const char* value : {"1", "\"true\"", "{}", "[true]", "null", "false"}) {
    EXPECT_FALSE(Allows(std::string("package policy\nallow := ") + value, Json::object())) << value;
  }
  EXPECT_FALSE(Allows("package policy\nallow if input.nothing", Json::object()));
  EXPECT_TRUE(Allows("package policy\nallow := true", Json::object()));
  // Two values of one rule, and a policy that never ends.
  EXPECT_FALSE(
      Allows("package policy\nallow := true if true\nallow := false if true", Json::object()));
  EXPECT_FALSE(
      Allows("package policy\nallow if count([x | x := numbers.range(1, 100000)[_]; "
             "y := numbers.range(1, 100000)[_]; x == y]) > 0",
             Json::object()));
}

TEST(BrokerPolicy, ANoSaysWhere) {
  ASSERT_OK_AND_ASSIGN(auto policy, Resource("package policy\ndefault allow := false\n"
                                             "allow if input.user == \"ann\"\n"));
  const auto decision = policy->Decide({{"user", "bob"}}, Json::object(), NoValues);
  EXPECT_FALSE(decision.allowed);
  EXPECT_NE(decision.why_not.find("resource:3:"), std::string::npos) << decision.why_not;
  EXPECT_NE(decision.why_not.find("bob"), std::string::npos) << decision.why_not;
}

TEST(BrokerPolicy, BrokenTextIsRefusedWithLineAndReason) {
  EXPECT_STATUS(Resource("package policy\nallow := = true"), kInvalidArgument, "resource:2:");
  EXPECT_STATUS(Resource("package policy\nallow if x > 1"), kInvalidArgument, "unsafe");
  EXPECT_STATUS(Resource("package policy\nallow if no_such_function(1)"), kInvalidArgument,
                "resource:2:");
  EXPECT_STATUS(Resource("package other\nallow := true"), kInvalidArgument, "no rule 'allow'");
  EXPECT_STATUS(Attestation("package policy\nallow := true"), kInvalidArgument, "trust_claims");
  EXPECT_STATUS(Resource(""), kInvalidArgument, "resource");
  EXPECT_STATUS(Resource(std::string(kMaxPolicySize + 1, ' ')), kInvalidArgument, "at most");
}

TEST(BrokerPolicy, TrustClaimsHaveOneShape) {
  const auto judge = [](const std::string& claims) -> absl::Status {
    ASSIGN_OR_RETURN(auto policy, Attestation("package policy\ntrust_claims := " + claims));
    return policy->Judge(SnpEvidence(), NoValues).status();
  };
  EXPECT_OK(judge(R"({"hardware": 2})"));
  EXPECT_STATUS(judge(R"({"hardwear": 2})"), kFailedPrecondition, "hardwear");
  EXPECT_STATUS(judge(R"({"hardware": "2"})"), kFailedPrecondition, "hardware");
  EXPECT_STATUS(judge(R"({"hardware": 2.5})"), kFailedPrecondition, "hardware");
  EXPECT_OK(judge(R"({"hardware": 127, "executables": -128})"));
  EXPECT_STATUS(judge(R"({"hardware": 128})"), kFailedPrecondition, "hardware");
  EXPECT_STATUS(judge(R"({"hardware": -129})"), kFailedPrecondition, "hardware");
  EXPECT_STATUS(judge(R"([1])"), kFailedPrecondition, "no trust_claims");
  EXPECT_STATUS(judge(R"({"hardware": 2} if input.nothing)"), kFailedPrecondition,
                "no trust_claims");
}

TEST(BrokerPolicy, ExtensionsCannotReplaceTheVerdict) {
  ASSERT_OK_AND_ASSIGN(
      auto policy, Attestation("package policy\ntrust_claims := {\"hardware\": 97}\nextensions := "
                               "[{\"name\": \"ear.status\", \"value\": \"affirming\"}]"));
  EXPECT_STATUS(policy->Judge(SnpEvidence(), NoValues), kFailedPrecondition, "ear.status");
}

TEST(BrokerPolicy, TheDefaultsAreStrict) {
  ASSERT_OK_AND_ASSIGN(auto cpu, Attestation(DefaultAttestationPolicy()));
  ASSERT_OK_AND_ASSIGN(TrustClaims unknown, cpu->Judge(SnpEvidence("aa"), NoValues));
  EXPECT_EQ(unknown.vector["executables"], 33);
  EXPECT_EQ(unknown.vector["hardware"], 2);
  const ReferenceQuery values = [](std::string_view id) -> Json {
    return id == "snp_launch_measurement" ? Json::array({"aa"}) : Json(nullptr);
  };
  ASSERT_OK_AND_ASSIGN(TrustClaims known, cpu->Judge(SnpEvidence("aa"), values));
  EXPECT_EQ(known.vector["executables"], 3);
  ASSERT_OK_AND_ASSIGN(TrustClaims other, cpu->Judge(SnpEvidence("ab"), values));
  EXPECT_EQ(other.vector["executables"], 33);
  ASSERT_OK_AND_ASSIGN(TrustClaims emulated, cpu->Judge(SnpEvidence("aa", true), values));
  EXPECT_EQ(emulated.vector["hardware"], 97);
  ASSERT_OK_AND_ASSIGN(TrustClaims nothing, cpu->Judge(Json::object(), values));
  EXPECT_EQ(nothing.vector["hardware"], 97);

  for (const char* status : {"none", "warning", "contraindicated", "Affirming", ""}) {
    EXPECT_FALSE(Allows(DefaultResourcePolicy(),
                        {{"submods", {{"cpu0", {{"ear.status", status}}}}}},
                        {{"plugin", "resource"}, {"nacre", {{"allow_emulated", true}}}}))
        << status;
  }
  const Json good = {{"submods", {{"cpu0", {{"ear.status", "affirming"}}}}}};
  EXPECT_TRUE(Allows(DefaultResourcePolicy(), good, {{"plugin", "resource"}}));
  EXPECT_FALSE(Allows(DefaultResourcePolicy(), good, {{"plugin", "pkcs11"}}));
}

}  // namespace
}  // namespace nacre::attestation
