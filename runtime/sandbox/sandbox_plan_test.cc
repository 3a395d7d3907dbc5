#include "runtime/sandbox/sandbox_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/strings.h"
#include "tee/common/initdata.h"

namespace nacre::runtime {
namespace {

using ::testing::HasSubstr;

constexpr char kSpec[] = R"({"ociVersion":"1.0.2","hostname":"box",
  "process":{"terminal":true,"args":["/bin/sh"],"cwd":"/"},
  "annotations":{"io.kubernetes.cri.image-name":"registry.example/app:1"}})";

RuntimeConfig Config(Tee tee = Tee::kEmulatedSnp) {
  RuntimeConfig config;
  config.hypervisor.tee = tee;
  config.hypervisor.kernel = "/k";
  config.hypervisor.initrd = "/i";
  config.hypervisor.firmware = "/f";
  config.hypervisor.kernel_params = "quota=1";
  config.hypervisor.vcpus = 2;
  config.runtime.enable_annotations = {"cc_init_data", "kernel_params"};
  return config;
}

TEST(SandboxPlan, CarriesEveryDecision) {
  const auto plan = PlanSandbox(Config(), {"default", "pod-1", kSpec});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->sandbox_dir, "/run/nacre/default/pod-1");
  EXPECT_EQ(plan->image_reference, "registry.example/app:1");
  EXPECT_EQ(plan->hostname, "box");
  EXPECT_TRUE(plan->terminal);
  EXPECT_EQ(plan->vcpus, 2u);
  EXPECT_THAT(plan->command_line, HasSubstr("nacre.tee=emulated"));
  EXPECT_THAT(plan->command_line, ::testing::EndsWith(" quota=1"));
}

TEST(SandboxPlan, SameInputsGiveTheSameMeasurementAsTheConfigAlone) {
  const auto plan = PlanSandbox(Config(), {"default", "pod-1", kSpec});
  ASSERT_TRUE(plan.ok());
  const auto of_plan = PlanLaunchInputs(*plan);
  const auto of_config = ConfigLaunchInputs(Config(), "", std::nullopt);
  ASSERT_TRUE(of_plan.ok() && of_config.ok());
  EXPECT_EQ(*tee::SerializeLaunchInputs(*of_plan), *tee::SerializeLaunchInputs(*of_config));
  EXPECT_EQ(of_plan->vcpus, 2u);
  EXPECT_EQ(of_plan->kernel_path, "/k");
}

TEST(SandboxPlan, InitdataDigestIsHostData) {
  const std::string document =
      "version = \"0.1.0\"\nalgorithm = \"sha256\"\n\n[data]\n\"nacre.toml\" = \"\"\n";
  const auto inputs = ConfigLaunchInputs(Config(), "", document);
  ASSERT_TRUE(inputs.ok()) << inputs.status();
  EXPECT_EQ(inputs->host_data, tee::InitdataHostData(*tee::InitdataDigest(document)));
  const auto without = ConfigLaunchInputs(Config(), "", std::nullopt);
  EXPECT_NE(inputs->host_data, without->host_data);
}

TEST(SandboxPlan, PodKernelParamsAreMeasured) {
  const auto plain = ConfigLaunchInputs(Config(), "", std::nullopt);
  const auto changed = ConfigLaunchInputs(Config(), "nacre.demo=changed", std::nullopt);
  ASSERT_TRUE(plain.ok() && changed.ok());
  EXPECT_EQ(changed->command_line, plain->command_line + " nacre.demo=changed");
}

TEST(SandboxPlan, NothingIsMeasuredWithoutATee) {
  EXPECT_EQ(ConfigLaunchInputs(Config(Tee::kNone), "", std::nullopt).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(SandboxPlan, TdxMeasuresTheMemorySizeToo) {
  const auto snp = ConfigLaunchInputs(Config(), "", std::nullopt);
  const auto tdx = ConfigLaunchInputs(Config(Tee::kTdx), "", std::nullopt);
  ASSERT_TRUE(snp.ok() && tdx.ok()) << tdx.status();
  EXPECT_EQ(tdx->mode, tee::LaunchMode::kTdx);
  EXPECT_EQ(tdx->memory_bytes, uint64_t{512} << 20);
  EXPECT_EQ(snp->memory_bytes, 0u);
}

TEST(SandboxPlan, BadSpecsAreRefusedByName) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "config.json"},
      {"[]", "config.json"},
      {"{}", "image-name"},
      {R"({"annotations":[]})", "annotations"},
      {R"({"annotations":{"a":1}})", "annotation a"},
      {R"({"annotations":{"io.kubernetes.cri.image-name":"x"}})", "process is missing"},
      {R"({"annotations":{"io.kubernetes.cri.image-name":"x"},"process":{"terminal":1}})",
       "terminal"},
      {R"({"annotations":{"io.kubernetes.cri.image-name":"x"},"process":{},"hostname":1})",
       "hostname"},
  };
  for (const auto& [text, named] : cases) {
    const auto plan = PlanSandbox(Config(), {"default", "pod-1", text});
    ASSERT_FALSE(plan.ok()) << text;
    EXPECT_THAT(std::string(Message(plan.status())), HasSubstr(named)) << text;
  }
}

TEST(CheckIdentifier, FolderSafeNamesOnly) {
  for (const std::string& good : {std::string("a"), std::string("a.b_c-9"), std::string(76, 'a')}) {
    EXPECT_TRUE(CheckIdentifier("id", good).ok()) << good;
  }
  for (const std::string& bad :
       {std::string(), std::string(77, 'a'), std::string(".."), std::string("-a"),
        std::string("a-"), std::string("a/b"), std::string("a,b"), std::string("a\0b", 3),
        std::string("\xc3\xa9")}) {
    EXPECT_FALSE(CheckIdentifier("id", bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace nacre::runtime
