// The serving shim: one process for one container, from `start` to containerd's Shutdown.
#pragma once

#include "base/status.h"
#include "runtime/shim/flags.h"

namespace nacre::runtime {

// Serves the Task service on descriptor 3 until Shutdown (or SIGTERM), in the bundle as working
// directory. Logs to the bundle's FIFO `log`.
absl::Status ServeShim(const ShimFlags& flags);

}  // namespace nacre::runtime
