// JSON-lines logging at the edges: one event once, {"ts":...,"level":...,"event":...,fields}.
// Libraries return Status and do not log; entry points log. Never pass a secret, an environment, an
// argv of a workload or a policy input.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace nacre {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// One named value. Strings are escaped and cut at 2 KiB.
struct LogField {
  LogField(std::string_view name, std::string_view value);
  LogField(std::string_view name, const char* value) : LogField(name, std::string_view(value)) {}
  LogField(std::string_view name, const std::string& value)
      : LogField(name, std::string_view(value)) {}
  LogField(std::string_view name, int64_t value);
  LogField(std::string_view name, int value) : LogField(name, static_cast<int64_t>(value)) {}
  LogField(std::string_view name, uint64_t value);
  LogField(std::string_view name, bool value);
  std::string json;  // "\"name\":value"
};

// Where lines go: a descriptor (default 2) and the lowest level written. Not thread-safe; call once
// at start.
void InitLog(std::string_view program, int fd, LogLevel minimum);

// Whether lines of this level are written; for callers whose fields are dear.
bool IsLogged(LogLevel level);

// Thread-safe; one write(2) per line, so lines never interleave.
void Log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {});

}  // namespace nacre
