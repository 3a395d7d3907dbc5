// One requirement of policy.json with its key material.
#pragma once

#include "base/json.h"
#include "image-rs-cpp/signature/policy.h"

namespace nacre::image {

// Errors as ParseImagePolicy, beginning with `where`.
absl::StatusOr<Requirement> ParseRequirement(const Json& json, const std::string& where,
                                             const Documents& documents);

}  // namespace nacre::image
