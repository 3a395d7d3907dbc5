// The mounts a policy allows.
#pragma once

#include "base/json.h"
#include "policy/generate/container_data.h"

namespace nacre::policy {

// policy_data.mounts: what the runtime gives every container.
Json CommonMounts(const Workload& workload, const Settings& settings);

// "mounts", "required_mounts" and "storages" of a container.
void PutMounts(const ContainerInput& input, Json* out);

}  // namespace nacre::policy
