// The file behind a guest's scratch disk ([scratch_disk] in runtime.toml). It has no name: it is
// there as long as QEMU holds it and gone with QEMU, however that ends. Sparse, so it takes the
// room its guest has written.
#pragma once

#include "base/status.h"
#include "base/unique_fd.h"
#include "runtime/sandbox/sandbox_plan.h"

namespace nacre::runtime {

// Invalid (-1) for a plan without a scratch disk. Makes the folder, mode 0700, when it is missing.
// Errors name the folder.
absl::StatusOr<UniqueFd> MakeScratchFile(const SandboxPlan& plan);

}  // namespace nacre::runtime
