#include "guest-agent/service/timeline.h"

#include <ctime>

#include "base/log.h"

namespace nacre::guest_agent {
namespace {

int64_t UptimeMs() {
  timespec now = {};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

}  // namespace

void LogTimeline(std::string_view event) {
  Log(LogLevel::kInfo, event, {{"uptime_ms", UptimeMs()}});
}

void LogTimeline(std::string_view event, int64_t duration_ms) {
  Log(LogLevel::kInfo, event, {{"uptime_ms", UptimeMs()}, {"ms", duration_ms}});
}

}  // namespace nacre::guest_agent
