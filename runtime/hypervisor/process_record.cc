#include "runtime/hypervisor/process_record.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>

#include "base/file.h"
#include "base/strings.h"

namespace nacre::runtime {
namespace {

constexpr size_t kMaxRecord = 4096;
constexpr size_t kMaxStat = 4096;

struct RecordedProcess {
  std::string name;
  pid_t pid = 0;
  uint64_t start_time = 0;
};

absl::StatusOr<RecordedProcess> ParseRecord(std::string_view line) {
  const std::vector<std::string_view> words = StrSplit(line, ' ');
  RecordedProcess process;
  if (words.size() != 3 || !ParseNumber(words[1], &process.pid) || process.pid <= 1 ||
      !ParseNumber(words[2], &process.start_time)) {
    return absl::InvalidArgumentError("process record: expected 'name pid start-time'");
  }
  process.name = words[0];
  return process;
}

absl::Status KillProcess(const RecordedProcess& process,
                         std::chrono::steady_clock::time_point deadline) {
  const UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0)));
  if (!pidfd.valid()) return absl::OkStatus();  // gone
  // Between the record and now the pid may have gone to another process; the descriptor pins
  // whichever has it, and the start time says which that is.
  const auto start_time = ProcessStartTime(process.pid);
  if (!start_time.ok() || *start_time != process.start_time) return absl::OkStatus();
  if (::syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0) != 0 && errno != ESRCH) {
    return ErrnoStatus(errno, StrCat("killing ", process.name, " (pid ", process.pid, ")"));
  }
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      deadline - std::chrono::steady_clock::now());
  pollfd ended = {pidfd.get(), POLLIN, 0};
  if (::poll(&ended, 1, static_cast<int>(std::max<int64_t>(left.count(), 0))) == 1) {
    return absl::OkStatus();
  }
  return absl::DeadlineExceededError(
      StrCat(process.name, " (pid ", process.pid, ") was killed and has not ended"));
}

}  // namespace

absl::StatusOr<uint64_t> ProcessStartTime(pid_t pid) {
  ASSIGN_OR_RETURN(std::string stat, ReadTextFile(StrCat("/proc/", pid, "/stat"), kMaxStat));
  // The name, in parentheses, may hold anything; fields count from behind its last one.
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return absl::InternalError("/proc/PID/stat has no name");
  const std::vector<std::string_view> fields =
      StrSplit(std::string_view(stat).substr(name_end + 1), ' ');
  constexpr size_t kStartTime = 22 - 2;  // fields[0] is empty, fields[1] is field 3
  uint64_t start_time = 0;
  if (fields.size() <= kStartTime || !ParseNumber(fields[kStartTime], &start_time)) {
    return absl::InternalError("/proc/PID/stat has no start time");
  }
  return start_time;
}

absl::Status RecordProcess(const std::string& folder, std::string_view name, pid_t pid) {
  ASSIGN_OR_RETURN(uint64_t start_time, ProcessStartTime(pid), name);
  ASSIGN_OR_RETURN(UniqueFd record, OpenFile(StrCat(folder, "/", kProcessRecord),
                                             O_WRONLY | O_CREAT | O_APPEND, 0600));
  return WriteAll(record.get(), AsBytes(StrCat(name, " ", pid, " ", start_time, "\n")));
}

absl::Status KillRecordedProcesses(const std::string& folder, int timeout_ms) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  const auto text = ReadTextFile(StrCat(folder, "/", kProcessRecord), kMaxRecord);
  if (absl::IsNotFound(text.status())) return absl::OkStatus();
  RETURN_IF_ERROR(text.status());
  absl::Status first_error;
  for (std::string_view line : StrSplit(*text, '\n')) {
    if (line.empty()) continue;
    const auto process = ParseRecord(line);
    absl::Status status = process.ok() ? KillProcess(*process, deadline) : process.status();
    if (first_error.ok()) first_error = status;
  }
  return first_error;
}

}  // namespace nacre::runtime
