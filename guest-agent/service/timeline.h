// The steps of a start that people time: one JSON line each on the console, stamped by the host as
// it arrives and by the guest's own clock since boot.
#pragma once

#include <cstdint>
#include <string_view>

namespace nacre::guest_agent {

// Events: kernel_started, agent_ready, attested, image_ready, container_started. The line carries
// "uptime_ms", milliseconds since the kernel started, and "agent_rss_kib", this process's resident
// memory.
void LogTimeline(std::string_view event);
// How long the step itself took, as field "ms".
void LogTimeline(std::string_view event, int64_t duration_ms);

}  // namespace nacre::guest_agent
