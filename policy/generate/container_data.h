// policy_data.containers[name].
#pragma once

#include <cstdint>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "policy/generate/images.h"
#include "policy/generate/settings.h"
#include "policy/generate/workload.h"

namespace nacre::policy {

struct ContainerInput {
  const Manifests& manifests;
  const Workload& workload;
  const WorkloadContainer& container;
  const Settings& settings;
  const ImageFacts& image;
};

// Errors begin with the container's place in its file.
absl::StatusOr<Json> MakeContainerData(const ContainerInput& input);

// {"uid", "gid", "groups": these and gid, ascending}
Json UserData(int64_t uid, int64_t gid, std::vector<int64_t> groups);

}  // namespace nacre::policy
