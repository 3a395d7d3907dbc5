#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/bytes.h"
#include "base/file.h"
#include "base/status_testing.h"
#include "base/strings.h"
#include "cli/policy_bench.h"
#include "cli/policy_files.h"
#include "cli/policy_tests.h"

namespace nacre::cli {
namespace {

class PolicyVerbTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = StrCat(::testing::TempDir(), "/policy-", getpid());
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string File(const std::string& name, std::string_view text) {
    std::string path = StrCat(folder_, "/", name);
    EXPECT_OK(WriteFile(path, AsBytes(text)));
    return path;
  }

  std::string folder_;
};

constexpr char kModule[] =
    "package t\nallow if input.n == 1\ntest_good if allow with input.n as 1\n"
    "test_bad if allow with input.n as 2\n";

TEST_F(PolicyVerbTest, TestsPassOrFail) {
  PolicyOptions options;
  options.modules = {File("p.rego", kModule)};
  ASSERT_OK_AND_ASSIGN(int all, RunPolicyTests(options));
  EXPECT_EQ(all, 1);
  options.run = "good";
  ASSERT_OK_AND_ASSIGN(int good, RunPolicyTests(options));
  EXPECT_EQ(good, 0);
  options.run = "none";
  EXPECT_STATUS(RunPolicyTests(options), kNotFound, "begins with test_");
}

TEST_F(PolicyVerbTest, BenchTakesRulesAndQueries) {
  PolicyOptions options;
  options.modules = {File("p.rego", kModule)};
  options.input = File("input.json", "{\"n\":1}");
  options.count = 3;
  for (const char* query : {"data.t.allow", "x := data.t.allow"}) {
    options.query = query;
    ASSERT_OK_AND_ASSIGN(int code, RunPolicyBench(options));
    EXPECT_EQ(code, 0);
  }
  options.query = "data.t.nothing(1)";
  EXPECT_FALSE(RunPolicyBench(options).ok());
}

TEST_F(PolicyVerbTest, FilesMustBeWhatTheyShouldBe) {
  PolicyOptions options;
  PolicyFiles files;
  options.modules = {StrCat(folder_, "/missing.rego")};
  EXPECT_FALSE(LoadPolicyFiles(options, &files).ok());
  options.modules = {File("bad.rego", "package t\np := ")};
  EXPECT_STATUS(LoadPolicyFiles(options, &files), kInvalidArgument, "bad.rego:2:6");
  options.modules = {File("p.rego", kModule)};
  options.data = File("data.json", "[1]");
  EXPECT_STATUS(LoadPolicyFiles(options, &files), kInvalidArgument, "no object");
  options.data = File("data.json", "{\"a\":}");
  EXPECT_STATUS(LoadPolicyFiles(options, &files), kInvalidArgument, "line 1, column 6");
}

TEST_F(PolicyVerbTest, FoldersStandForTheirModules) {
  std::filesystem::create_directories(StrCat(folder_, "/all/deep"));
  File("all/deep/b.rego", "package b\n");
  File("all/a.rego", "package a\n");
  File("all/notes.txt", "no Rego");
  const std::string one = File("one.rego", "package one\n");
  ASSERT_OK_AND_ASSIGN(auto paths, ModulePaths({one, StrCat(folder_, "/all")}));
  EXPECT_EQ(paths, (std::vector<std::string>{one, StrCat(folder_, "/all/a.rego"),
                                             StrCat(folder_, "/all/deep/b.rego")}));
  std::filesystem::create_directories(StrCat(folder_, "/none"));
  EXPECT_STATUS(ModulePaths({StrCat(folder_, "/none")}), kNotFound, "holds no file *.rego");
}

TEST_F(PolicyVerbTest, TheOtherVersionOfRegoIsRecognised) {
  PolicyOptions options;
  PolicyFiles files;
  options.modules = {File("v0.rego", "package t\nallow { input.n == 1 }\n")};
  EXPECT_STATUS(LoadPolicyFiles(options, &files), kInvalidArgument, "say --v0");
  options.v0 = true;
  EXPECT_OK(LoadPolicyFiles(options, &files));
  options.modules = {File("v1.rego", kModule)};
  EXPECT_STATUS(LoadPolicyFiles(options, &files), kInvalidArgument, "leave out --v0");
  options.modules = {File("neither.rego", "package t\np := ")};
  EXPECT_STATUS(LoadPolicyFiles(options, &files), kInvalidArgument, "neither.rego:2:");
  options.modules = {File("types.rego", "package t\np = count(1)\nq = count(2)\n")};
  std::vector<rego::Error> errors;
  EXPECT_STATUS(LoadPolicyFiles(options, &files, &errors), kInvalidArgument, "types.rego:2:");
  EXPECT_EQ(errors.size(), 2u);
}

}  // namespace
}  // namespace nacre::cli
