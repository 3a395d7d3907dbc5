// Which processes belong to a sandbox, written down so that `delete`, run by containerd after a
// shim died, finds them: one line "name pid start-time" each. The start time (clock ticks since
// boot, /proc/PID/stat field 22) tells a process from a later one with the same pid.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/status.h"

namespace nacre::runtime {

inline constexpr std::string_view kProcessRecord = "processes";

// Appends to <folder>/processes.
absl::Status RecordProcess(const std::string& folder, std::string_view name, pid_t pid);

// Kills every recorded process that still runs and waits until it has ended, at most `timeout_ms`
// for all. A missing record is OK. kDeadlineExceeded names the first that did not end.
absl::Status KillRecordedProcesses(const std::string& folder, int timeout_ms);

// Field 22 of /proc/PID/stat. kNotFound when there is no such process.
absl::StatusOr<uint64_t> ProcessStartTime(pid_t pid);

}  // namespace nacre::runtime
