// The folder of one sandbox, <state_dir>/<namespace>/<id>, mode 0700. It holds what the VM is
// started with (launch.json) and what is learnt while it runs (console.log,
// timeline.jsonl, processes).
#pragma once

#include <string>

#include "base/status.h"
#include "runtime/sandbox/sandbox_plan.h"

namespace nacre::runtime {

struct SandboxFiles {
  std::string folder;
  std::string launch_json;  // empty unless tee = "emulated-snp"
};

// Makes the folder and its inputs. kAlreadyExists when the folder exists: one id is one sandbox.
absl::StatusOr<SandboxFiles> MakeSandboxFiles(const SandboxPlan& plan);

}  // namespace nacre::runtime
