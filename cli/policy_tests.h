// `nacre policy test`: runs every rule whose name begins with test_ and prints one line each, then
// which share of the modules' lines they ran.
#pragma once

#include "base/status.h"
#include "cli/policy_files.h"

namespace nacre::cli {

// The exit code: 0 when all pass, 1 otherwise. A test passes when its rule is defined and not
// false.
absl::StatusOr<int> RunPolicyTests(const PolicyOptions& options);

}  // namespace nacre::cli
