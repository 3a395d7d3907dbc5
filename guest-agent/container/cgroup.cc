#include "guest-agent/container/cgroup.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "base/bytes.h"
#include "base/file.h"
#include "base/strings.h"
#include "guest-agent/container/wait.h"

namespace nacre::guest_agent {
namespace {

constexpr size_t kMaxFile = 256 << 10;

std::string ReadOrEmpty(const std::string& path) {
  auto text = ReadTextFile(path, kMaxFile);
  return text.ok() ? *std::move(text) : std::string();
}

// "max" is no limit, which the protocol writes as the largest number.
uint64_t ReadNumber(const std::string& path) {
  const std::string text = ReadOrEmpty(path);
  const std::string_view value = StripSpace(text);
  uint64_t number = 0;
  if (value == "max") return UINT64_MAX;
  return ParseNumber(value, &number) ? number : 0;
}

// "name=value" -> name, value; no separator -> all, "".
std::pair<std::string_view, std::string_view> SplitPair(std::string_view text, char separator) {
  const size_t at = text.find(separator);
  if (at == text.npos) return {text, ""};
  return {text.substr(0, at), text.substr(at + 1)};
}

// Lines of "name number".
std::map<std::string, uint64_t> ReadTable(const std::string& path) {
  std::map<std::string, uint64_t> out;
  const std::string text = ReadOrEmpty(path);
  for (const std::string_view line : StrSplit(text, '\n')) {
    const auto pair = SplitPair(line, ' ');
    uint64_t number = 0;
    if (ParseNumber(pair.second, &number)) out.emplace(pair.first, number);
  }
  return out;
}

void AddBlockEntry(google::protobuf::RepeatedPtrField<grpc::BlkioStatsEntry>* out, uint64_t major,
                   uint64_t minor, const char* operation, uint64_t value) {
  grpc::BlkioStatsEntry* entry = out->Add();
  entry->set_major(major);
  entry->set_minor(minor);
  entry->set_op(operation);
  entry->set_value(value);
}

// "254:0 rbytes=1 wbytes=2 rios=3 wios=4 ..."
void ReadBlockStats(const std::string& path, grpc::BlkioStats* out) {
  const std::string text = ReadOrEmpty(path);
  for (const std::string_view line : StrSplit(text, '\n')) {
    const std::vector<std::string_view> words = StrSplit(line, ' ');
    const auto device = SplitPair(words[0], ':');
    uint64_t major = 0, minor = 0;
    if (!ParseNumber(device.first, &major) || !ParseNumber(device.second, &minor)) continue;
    for (const std::string_view word : words) {
      const auto pair = SplitPair(word, '=');
      uint64_t value = 0;
      if (!ParseNumber(pair.second, &value)) continue;
      if (pair.first == "rbytes")
        AddBlockEntry(out->mutable_io_service_bytes_recursive(), major, minor, "read", value);
      if (pair.first == "wbytes")
        AddBlockEntry(out->mutable_io_service_bytes_recursive(), major, minor, "write", value);
      if (pair.first == "rios")
        AddBlockEntry(out->mutable_io_serviced_recursive(), major, minor, "read", value);
      if (pair.first == "wios")
        AddBlockEntry(out->mutable_io_serviced_recursive(), major, minor, "write", value);
    }
  }
}

void ReadCpuStats(const std::string& folder, grpc::CpuStats* out) {
  constexpr uint64_t kNsPerUs = 1000;
  std::map<std::string, uint64_t> cpu = ReadTable(folder + "/cpu.stat");
  grpc::CpuUsage* usage = out->mutable_cpu_usage();
  usage->set_total_usage(cpu["usage_usec"] * kNsPerUs);
  usage->set_usage_in_usermode(cpu["user_usec"] * kNsPerUs);
  usage->set_usage_in_kernelmode(cpu["system_usec"] * kNsPerUs);
  grpc::ThrottlingData* throttling = out->mutable_throttling_data();
  throttling->set_periods(cpu["nr_periods"]);
  throttling->set_throttled_periods(cpu["nr_throttled"]);
  throttling->set_throttled_time(cpu["throttled_usec"] * kNsPerUs);
}

void ReadMemoryStats(const std::string& folder, grpc::MemoryStats* out) {
  std::map<std::string, uint64_t> stats = ReadTable(folder + "/memory.stat");
  std::map<std::string, uint64_t> events = ReadTable(folder + "/memory.events");
  out->set_cache(stats["file"]);
  out->set_use_hierarchy(true);
  out->mutable_usage()->set_usage(ReadNumber(folder + "/memory.current"));
  out->mutable_usage()->set_max_usage(ReadNumber(folder + "/memory.peak"));
  out->mutable_usage()->set_limit(ReadNumber(folder + "/memory.max"));
  out->mutable_usage()->set_failcnt(events["max"]);
  out->mutable_swap_usage()->set_usage(ReadNumber(folder + "/memory.swap.current"));
  out->mutable_swap_usage()->set_limit(ReadNumber(folder + "/memory.swap.max"));
  out->mutable_kernel_usage()->set_usage(stats["kernel"]);
  for (const auto& [name, value] : stats) (*out->mutable_stats())[name] = value;
}

}  // namespace

grpc::CgroupStats ReadCgroupStats(const std::string& folder) {
  grpc::CgroupStats out;
  ReadCpuStats(folder, out.mutable_cpu_stats());
  ReadMemoryStats(folder, out.mutable_memory_stats());
  out.mutable_pids_stats()->set_current(ReadNumber(folder + "/pids.current"));
  out.mutable_pids_stats()->set_limit(ReadNumber(folder + "/pids.max"));
  ReadBlockStats(folder + "/io.stat", out.mutable_blkio_stats());
  return out;
}

absl::Status KillCgroup(const std::string& folder) {
  ASSIGN_OR_RETURN(const UniqueFd fd, OpenFile(folder + "/cgroup.kill", O_WRONLY));
  return WriteAll(fd.get(), AsBytes("1"));
}

absl::Status SignalCgroup(const std::string& folder, int signal) {
  ASSIGN_OR_RETURN(const std::string text, ReadTextFile(folder + "/cgroup.procs", kMaxFile));
  for (const std::string_view line : StrSplit(text, '\n')) {
    pid_t pid = 0;
    if (ParseNumber(line, &pid) && pid > 1 && kill(pid, signal) != 0 && errno != ESRCH)
      return ErrnoStatus(errno, "signalling a container process");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<OomWatcher>> OomWatcher::Create() {
  UniqueFd inotify(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!inotify.valid()) return ErrnoStatus(errno, "inotify");
  return std::unique_ptr<OomWatcher>(new OomWatcher(std::move(inotify)));
}

void OomWatcher::Watch(const std::string& container_id, const std::string& folder) {
  const std::string file = folder + "/memory.events";
  const int watch = inotify_add_watch(inotify_.get(), file.c_str(), IN_MODIFY);
  if (watch < 0) return;
  const std::lock_guard lock(mutex_);
  watched_[container_id] = {file, watch, ReadTable(file)["oom_kill"]};
}

void OomWatcher::Forget(const std::string& container_id) {
  const std::lock_guard lock(mutex_);
  const auto found = watched_.find(container_id);
  if (found == watched_.end()) return;
  inotify_rm_watch(inotify_.get(), found->second.watch);
  watched_.erase(found);
  pending_.erase(container_id);
}

// Which file changed does not matter: there are few, and the count in each says whether it was an
// OOM kill.
void OomWatcher::Collect() {
  alignas(inotify_event) char buffer[4096];
  while (read(inotify_.get(), buffer, sizeof(buffer)) > 0) {
  }
  const std::lock_guard lock(mutex_);
  for (auto& [id, watched] : watched_) {
    const uint64_t kills = ReadTable(watched.events_file)["oom_kill"];
    if (kills > watched.oom_kills) pending_.insert(id);
    watched.oom_kills = std::max(watched.oom_kills, kills);
  }
}

absl::StatusOr<std::string> OomWatcher::Next(const std::stop_token& stop) {
  const std::unique_lock one(waiting_, std::try_to_lock);
  if (!one.owns_lock()) return absl::FailedPreconditionError("another caller waits for OOM events");
  while (true) {
    {
      const std::lock_guard lock(mutex_);
      if (!pending_.empty()) return pending_.extract(pending_.begin()).value();
    }
    RETURN_IF_ERROR(WaitForEvent(inotify_.get(), POLLIN, -1, stop));
    Collect();
  }
}

}  // namespace nacre::guest_agent
