// The guest kernel's command line. It is measured, so it is made in one place, by one pure
// function, from values that are all written down in the plan.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "runtime/config/runtime_config.h"

namespace nacre::runtime {

// The kernel's own limit on x86-64 (COMMAND_LINE_SIZE), with the terminating NUL.
inline constexpr size_t kMaxKernelCommandLine = 2048;

// Nacre's own arguments, then the configuration's, then the pod's, one space between them.
// kInvalidArgument: a byte outside printable ASCII, a pod argument that names one of Nacre's own
// (nacre.tee), or the whole is too long.
absl::StatusOr<std::string> KernelCommandLine(Tee tee, std::string_view config_params,
                                              std::string_view pod_params);

}  // namespace nacre::runtime
