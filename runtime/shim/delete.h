// `delete`: what a shim that is gone has left. containerd runs it after every end of a shim, good
// or bad, in the bundle.
#pragma once

#include "api/containerd/shim.pb.h"
#include "base/status.h"
#include "runtime/shim/flags.h"

namespace nacre::runtime {

// Ends the sandbox's processes, removes its folder and the shim's socket. The answer is the exit
// containerd reports if it knows no better: killed, now. Nothing left is OK; what could not be
// removed is an error, so that containerd logs it.
absl::StatusOr<containerd::task::v2::DeleteResponse> DeleteShim(const ShimFlags& flags);

}  // namespace nacre::runtime
