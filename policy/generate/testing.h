// A workload for tests: one manifest in text, an image that need not exist.
#pragma once

#include <string>
#include <string_view>

#include "base/strings.h"
#include "policy/generate/generate.h"
#include "policy/generate/policy_data.h"

namespace nacre::policy::generate_testing {

inline constexpr std::string_view kDigest =
    "sha256:1111111111111111111111111111111111111111111111111111111111111111";

inline ImageFacts Image(const std::string& reference) {
  ImageFacts facts;
  facts.reference = *image::ParseImageReference(reference);
  facts.digest = kDigest;
  facts.config.env = {"PATH=/bin", "MODE=image"};
  facts.config.entrypoint = {"/bin/serve"};
  facts.config.cmd = {"--port=80"};
  facts.config.user = "app";
  facts.config.working_dir = "/srv";
  facts.accounts = image::AccountFiles{"app:x:1000:1001::/:/bin/sh\n", "staff:x:50:app\n"};
  return facts;
}

inline absl::StatusOr<Json> Data(std::string_view manifest, const Settings& settings = {}) {
  Manifests manifests;
  RETURN_IF_ERROR(ReadManifests("pod.yaml", std::string(manifest), &manifests));
  if (manifests.workloads.empty()) return absl::NotFoundError("no workload");
  return MakePolicyData(manifests, manifests.workloads[0], settings,
                        [](const std::string& name) { return Image(name); });
}

inline absl::StatusOr<std::string> Policy(std::string_view manifest,
                                          const Settings& settings = {}) {
  Manifests manifests;
  RETURN_IF_ERROR(ReadManifests("pod.yaml", std::string(manifest), &manifests));
  if (manifests.workloads.empty()) return absl::NotFoundError("no workload");
  ASSIGN_OR_RETURN(const Json data,
                   MakePolicyData(manifests, manifests.workloads[0], settings,
                                  [](const std::string& name) { return Image(name); }));
  return FormatPolicy(data, manifests.workloads[0], settings);
}

// A pod of one container "web"; `more` goes below it, each line with four spaces.
inline std::string Pod(std::string_view more = "", std::string_view spec = "") {
  return StrCat("apiVersion: v1\nkind: Pod\nmetadata:\n  name: shop\nspec:\n", spec,
                "  containers:\n  - name: web\n    image: registry.example/web:1\n", more);
}

}  // namespace nacre::policy::generate_testing
