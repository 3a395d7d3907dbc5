#include "cli/run_spec.h"

#include "base/encoding.h"
#include "base/json.h"
#include "base/status_testing.h"
#include "tee/common/initdata.h"

namespace nacre::cli {
namespace {

Json Spec(const RunOptions& options, const std::string& initdata = "") {
  return ParseJson(MakeRunSpec(options, initdata).value()).value();
}

TEST(RunSpec, ImageAloneLeavesTheRestToTheImage) {
  const Json spec = Spec({.id = "one", .image = "registry.example/a:1"});
  EXPECT_EQ(spec["annotations"], Json({{"io.kubernetes.cri.image-name", "registry.example/a:1"}}));
  EXPECT_FALSE(spec["process"].contains("args"));
  EXPECT_FALSE(spec["process"].contains("env"));
  EXPECT_EQ(spec["process"]["terminal"], false);
  EXPECT_EQ(spec["root"]["path"], "rootfs");
  EXPECT_EQ(spec["hostname"], "one");
}

TEST(RunSpec, NamespacesAreTheContainersButTheNetworkIsTheVms) {
  const Json spec = Spec({.image = "i"});
  std::set<std::string> types;
  for (const Json& one : spec["linux"]["namespaces"]) {
    types.insert(one["type"].get<std::string>());
    EXPECT_FALSE(one.contains("path"));
  }
  EXPECT_EQ(types, (std::set<std::string>{"pid", "ipc", "uts", "mount"}));
}

TEST(RunSpec, MountsAreNeverOfTheHost) {
  for (const Json& mount : Spec({.image = "i"})["mounts"]) {
    EXPECT_NE(mount["type"], "bind");
    EXPECT_TRUE(mount["options"].is_array());
    EXPECT_NE(mount["source"].get<std::string>()[0], '/');
  }
}

TEST(RunSpec, PrivilegesAreTheUsualFew) {
  const Json process = Spec({.image = "i"})["process"];
  EXPECT_EQ(process["noNewPrivileges"], true);
  EXPECT_EQ(process["capabilities"]["bounding"].size(), 14u);
  EXPECT_FALSE(process["capabilities"].contains("inheritable"));
  EXPECT_FALSE(process["capabilities"].contains("ambient"));
}

TEST(RunSpec, ArgumentsEnvironmentAndKernelArguments) {
  const Json spec = Spec({.kernel_args = {"a=1", "b"},
                          .env = {"A=b", "EMPTY="},
                          .image = "i",
                          .args = {"/bin/sh", "-c", "echo $A"},
                          .rootfs = "/somewhere"});
  EXPECT_EQ(spec["process"]["args"], Json({"/bin/sh", "-c", "echo $A"}));
  EXPECT_EQ(spec["process"]["env"], Json({"A=b", "EMPTY="}));
  EXPECT_EQ(spec["annotations"]["io.katacontainers.config.hypervisor.kernel_params"], "a=1 b");
  EXPECT_EQ(spec["root"]["path"], "/somewhere");
}

TEST(RunSpec, InitdataTravelsAsItIs) {
  const std::string document = "version = \"0.1.0\"\nalgorithm = \"sha256\"\n[data]\n";
  const Json spec = Spec({.image = "i"}, document);
  const std::string value =
      spec["annotations"][std::string(tee::kInitdataAnnotation)].get<std::string>();
  EXPECT_EQ(tee::DecodeInitdataAnnotation(value).value(), document);
}

TEST(RunSpec, LongNamesGiveALegalHostname) {
  EXPECT_EQ(Spec({.id = std::string(63, 'a'), .image = "i"})["hostname"].get<std::string>().size(),
            63u);
  EXPECT_EQ(Spec({.id = std::string(76, 'a'), .image = "i"})["hostname"].get<std::string>().size(),
            63u);
}

TEST(RunSpec, BadEnvironmentAndKernelArgumentsAreNamed) {
  for (const char* bad : {"", "A", "=b"}) {
    EXPECT_STATUS(MakeRunSpec({.env = {"OK=1", bad}, .image = "i"}, ""), kInvalidArgument,
                  StrCat("--env '", bad, "' is not NAME=value"));
  }
  for (const char* bad : {"", "a b", "a\n", "\xc3\xa4"}) {
    EXPECT_STATUS(MakeRunSpec({.kernel_args = {bad}, .image = "i"}, ""), kInvalidArgument,
                  "is not one kernel argument");
  }
  EXPECT_STATUS(MakeRunSpec({.image = "\xff"}, ""), kInvalidArgument, "");
}

}  // namespace
}  // namespace nacre::cli
