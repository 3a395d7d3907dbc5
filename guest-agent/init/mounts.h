// The file systems a guest starts with.
#pragma once

#include <string>

#include "base/status.h"

namespace nacre::guest_agent {

// Makes the root a mount that pivot_root(2) accepts, without copying anything. Call first, with
// nothing mounted yet.
absl::Status MoveRoot();

// /proc, /sys, /dev, /dev/pts, /dev/shm, /run and the unified cgroup hierarchy.
absl::Status MountSystem();

// Where the kernel has it, which may be by a module: evidence comes from there.
void MountConfigfs();

// The options of /run, where images are unpacked. Kernels that make a tmpfs file of pieces as large
// as its writes (6.14 and later) are asked to: a pull then takes a tenth less processor time.
// `sysfs` is where they say so.
std::string RunOptions(const std::string& sysfs = "/sys");

}  // namespace nacre::guest_agent
