#include "cli/timeline.h"

#include <algorithm>
#include <cstdio>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "base/strings.h"
#include "runtime/config/runtime_config.h"

namespace nacre::cli {
namespace {

constexpr size_t kMaxTimelineFile = 64 << 10;
constexpr int kNameWidth = 22;

std::string Row(const std::string& name, const std::string& at, const std::string& since) {
  char row[160];
  std::snprintf(row, sizeof row, "%-*.60s %8.20s %8.20s\n", kNameWidth, name.c_str(), at.c_str(),
                since.c_str());
  return row;
}

}  // namespace

absl::StatusOr<std::string> FormatTimeline(std::string_view lines) {
  std::vector<std::pair<uint64_t, std::string>> events;
  int number = 0;
  for (std::string_view line : StrSplit(lines, '\n')) {
    ++number;
    if (StripSpace(line).empty()) continue;
    const std::string where = StrCat("timeline line ", number);
    ASSIGN_OR_RETURN(Json entry, ParseJson(line), where);
    ASSIGN_OR_RETURN(std::string event, JsonString(entry, "event", where));
    ASSIGN_OR_RETURN(uint64_t ms, JsonUint(entry, "ms", where));
    events.emplace_back(ms, std::move(event));
  }
  std::stable_sort(events.begin(), events.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string out = Row("timeline", "ms", "+");
  uint64_t before = 0;
  for (const auto& [ms, event] : events) {
    out += Row(event, StrCat(ms), StrCat("+", ms - before));
    before = ms;
  }
  return out;
}

absl::StatusOr<std::string> ReadTimeline(const std::string& config, const std::string& name_space,
                                         const std::string& id) {
  const std::string path = config.empty() ? std::string(runtime::kDefaultConfigPath) : config;
  ASSIGN_OR_RETURN(runtime::RuntimeConfig parsed, runtime::LoadRuntimeConfig(path));
  const std::string file =
      StrCat(parsed.runtime.state_dir, "/", name_space, "/", id, "/timeline.jsonl");
  ASSIGN_OR_RETURN(std::string lines, ReadTextFile(file, kMaxTimelineFile));
  return FormatTimeline(lines);
}

}  // namespace nacre::cli
