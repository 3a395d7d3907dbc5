// The cases of ../shared/data/kata-policy (or NACRE_SHARED_DATA/kata-policy): from each manifest a
// policy, which then judges the folder's requests in order, through the gate, with its state. Image
// configurations come from testdata/images, because a test reaches no registry; the settings are
// testdata/kata-cases.toml: Kata's cases are shortened requests.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "base/file.h"
#include "base/strings.h"
#include "policy/gate/request_policy.h"
#include "policy/gate/request_testing.h"
#include "policy/generate/generate.h"
#include "policy/generate/policy_data.h"

namespace nacre::policy {
namespace {

constexpr char kTestData[] = NACRE_SOURCE_DIR "/policy/generate/testdata";

absl::StatusOr<std::string> PolicyOf(const std::filesystem::path& folder) {
  Manifests manifests;
  std::set<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".yaml") files.insert(entry.path());
  }
  for (const auto& file : files) {
    ASSIGN_OR_RETURN(std::string text, ReadTextFile(file.string(), kMaxManifest));
    RETURN_IF_ERROR(ReadManifests(file.string(), std::move(text), &manifests));
  }
  if (manifests.workloads.size() != 1) return absl::InternalError("not one workload");
  const std::string place = StrCat(kTestData, "/kata-cases.toml");
  ASSIGN_OR_RETURN(const std::string toml, ReadTextFile(place, 1 << 20));
  ASSIGN_OR_RETURN(const Settings settings, ParseSettings(toml, place));
  ImageSourceOptions options;
  options.cache = StrCat(kTestData, "/images");
  options.offline = true;
  ImageSource images(options);
  const Workload& workload = manifests.workloads[0];
  ASSIGN_OR_RETURN(const Json data,
                   MakePolicyData(manifests, workload, settings,
                                  [&](const std::string& name) { return images.Find(name); }));
  return FormatPolicy(data, workload, settings);
}

TEST(GenerateOutside, GeneratedPoliciesJudgeKatasCases) {
  if (!std::filesystem::exists(KataPolicyFolder())) GTEST_SKIP() << "no " << KataPolicyFolder();
  const bool show = std::getenv("NACRE_POLICY_SHOW") != nullptr;
  std::set<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(KataPolicyFolder())) {
    if (entry.path().filename() == "testcases.json") files.insert(entry.path());
  }
  int total = 0;
  int good = 0;
  for (const auto& file : files) {
    const auto text = ReadTextFile(file.string(), 4 << 20);
    ASSERT_TRUE(text.ok());
    const auto cases = ParseJson(*text);
    ASSERT_TRUE(cases.ok()) << cases.status();
    total += static_cast<int>(cases->size());
    const auto text_of_policy = PolicyOf(file.parent_path());
    EXPECT_TRUE(text_of_policy.ok()) << file << ": " << text_of_policy.status();
    if (!text_of_policy.ok()) continue;
    auto policy = *RequestPolicy::Compile(*text_of_policy);
    for (const Json& one : *cases) {
      const auto request = MakeRequest(one.at("kind"), one.at("request"));
      ASSERT_NE(request, nullptr) << one.at("kind");
      auto permit = policy->Check(*request);
      const bool agrees = permit.ok() == one.at("allowed").get<bool>();
      const auto denials = policy->Denials();
      const std::string why = permit.ok() || denials.empty() ? "" : denials.back().explanation;
      EXPECT_TRUE(agrees) << file << ": " << one.at("description") << "\n" << why;
      if (show && !permit.ok()) {
        std::printf("--- %s\n%s\n", one.at("description").get<std::string>().c_str(), why.c_str());
      }
      if (permit.ok()) permit->Commit();
      good += agrees;
    }
  }
  std::printf("outside kata-policy: %d/%d\n", good, total);
  EXPECT_EQ(good, total);
  EXPECT_GT(total, 0);
}

}  // namespace
}  // namespace nacre::policy
