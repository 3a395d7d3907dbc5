#include "base/log.h"

#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>

#include "base/json.h"
#include "base/strings.h"

namespace nacre {
namespace {

constexpr size_t kMaxFieldSize = 2048;

struct LogTarget {
  std::string program_json = "\"nacre\"";
  int fd = 2;
  LogLevel minimum = LogLevel::kInfo;
};

LogTarget& Target() {
  static LogTarget* target = new LogTarget;  // never destroyed: threads may log during exit
  return *target;
}

// Always valid JSON: invalid UTF-8 becomes U+FFFD, long text is cut.
std::string Quote(std::string_view text) {
  bool cut = text.size() > kMaxFieldSize;
  std::string kept(text.substr(0, kMaxFieldSize));
  if (cut) kept += "...";
  return Json(std::move(kept)).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string_view LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
  }
  return "error";
}

std::string Timestamp() {
  timespec now = {};
  clock_gettime(CLOCK_REALTIME, &now);
  tm utc = {};
  gmtime_r(&now.tv_sec, &utc);
  char date[32];
  strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc);
  char millis[8];
  snprintf(millis, sizeof millis, ".%03dZ", static_cast<int>(now.tv_nsec / 1000000 % 1000));
  return StrCat(date, millis);
}

std::string NamedValue(std::string_view name, std::string_view json) {
  return StrCat(Quote(name), ":", json);
}

}  // namespace

LogField::LogField(std::string_view name, std::string_view value)
    : json(NamedValue(name, Quote(value))) {}
LogField::LogField(std::string_view name, int64_t value) : json(NamedValue(name, StrCat(value))) {}
LogField::LogField(std::string_view name, uint64_t value) : json(NamedValue(name, StrCat(value))) {}
LogField::LogField(std::string_view name, bool value)
    : json(NamedValue(name, value ? "true" : "false")) {}

void InitLog(std::string_view program, int fd, LogLevel minimum) {
  Target() = LogTarget{Quote(program), fd, minimum};
}

bool IsLogged(LogLevel level) { return level >= Target().minimum; }

void Log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  const LogTarget& target = Target();
  if (!IsLogged(level)) return;
  int saved_errno = errno;
  std::string line = StrCat("{\"ts\":\"", Timestamp(), "\",\"level\":\"", LevelName(level),
                            "\",\"program\":", target.program_json, ",\"event\":", Quote(event));
  for (const LogField& field : fields) StrAppend(&line, ",", field.json);
  line += "}\n";
  // A log that cannot be written must not stop the program; only an interrupted write is repeated.
  ssize_t written;
  do {
    written = ::write(target.fd, line.data(), line.size());
  } while (written < 0 && errno == EINTR);
  errno = saved_errno;
}

}  // namespace nacre
