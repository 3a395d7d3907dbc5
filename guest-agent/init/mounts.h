// The file systems a guest starts with.
#pragma once

#include "base/status.h"

namespace nacre::guest_agent {

// Makes the root a mount that pivot_root(2) accepts, without copying anything. Call first, with
// nothing mounted yet.
absl::Status MoveRoot();

// /proc, /sys, /dev, /dev/pts, /dev/shm, /run and the unified cgroup hierarchy; configfs where the
// kernel has it (evidence comes from there).
absl::Status MountSystem();

}  // namespace nacre::guest_agent
