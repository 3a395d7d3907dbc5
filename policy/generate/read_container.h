// The container of a pod's manifest.
#pragma once

#include "policy/generate/reader.h"
#include "policy/generate/workload.h"

namespace nacre::policy {

WorkloadContainer ReadContainer(FieldReader& reader, const std::string& file);

// What a container's security context and a pod's have in common.
SecurityContext ReadSecurity(FieldReader& reader);

}  // namespace nacre::policy
