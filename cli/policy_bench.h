// `nacre policy bench MODULE --input FILE --query Q --count N`: how long one evaluation takes.
#pragma once

#include "base/status.h"
#include "cli/policy_files.h"

namespace nacre::cli {

// Prints compile time, and median, 99th percentile and steps of `count` evaluations after a tenth
// as many to warm up.
absl::StatusOr<int> RunPolicyBench(const PolicyOptions& options);

}  // namespace nacre::cli
