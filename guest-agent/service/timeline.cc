#include "guest-agent/service/timeline.h"

#include <unistd.h>

#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/log.h"
#include "base/strings.h"

namespace nacre::guest_agent {
namespace {

int64_t UptimeMs() {
  timespec now = {};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// The second number of /proc/self/statm (proc(5)): resident pages. 0 when it cannot be read.
int64_t ResidentKib() {
  const absl::StatusOr<std::string> statm = ReadTextFile("/proc/self/statm", 256);
  if (!statm.ok()) return 0;
  const std::vector<std::string_view> numbers = StrSplit(*statm, ' ');
  int64_t pages = 0;
  if (numbers.size() < 2 || !ParseNumber(numbers[1], &pages)) return 0;
  return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

}  // namespace

void LogTimeline(std::string_view event) {
  Log(LogLevel::kInfo, event, {{"uptime_ms", UptimeMs()}, {"agent_rss_kib", ResidentKib()}});
}

void LogTimeline(std::string_view event, int64_t duration_ms) {
  Log(LogLevel::kInfo, event, {{"uptime_ms", UptimeMs()}, {"ms", duration_ms}});
}

}  // namespace nacre::guest_agent
