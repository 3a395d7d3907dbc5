// The environment a container will have, and its command line with $(NAME) written out: what the
// kubelet and the runtime make of the manifest and the image (Kubernetes API, EnvVar and
// Container.command).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "policy/generate/settings.h"
#include "policy/generate/workload.h"

namespace nacre::policy {

// What the value of a variable must be.
struct EnvValue {
  enum class Kind { kText, kSha256, kPattern };
  Kind kind = Kind::kText;
  std::string text;
  bool required = true;  // the request has to have it
};

using Environment = std::map<std::string, EnvValue>;

struct EnvironmentInput {
  const Manifests& manifests;
  const Workload& workload;
  const WorkloadContainer& container;
  const Settings& settings;
  const std::vector<std::string>& image_env;
};

// Errors begin with the place of the variable in its file.
absl::StatusOr<Environment> MakeEnvironment(const EnvironmentInput& input);

// $(NAME) replaced, $$ made $. kInvalidArgument when a value needed is not known here.
absl::StatusOr<std::string> Expand(std::string_view text, const Environment& environment,
                                   const std::string& where);

// A regular expression of the pod's namespace.
std::string NamespacePattern(const Workload& workload);

}  // namespace nacre::policy
