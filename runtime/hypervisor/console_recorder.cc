#include "runtime/hypervisor/console_recorder.h"

#include <fcntl.h>
#include <stdio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include "base/file.h"
#include "base/json.h"
#include "base/strings.h"

namespace nacre::runtime {
namespace {

constexpr std::array<std::string_view, 8> kMilestones = {
    "vm_started", "kernel_started", "agent_ready",       "sandbox_ready",
    "attested",   "image_ready",    "container_created", "container_started"};

// What the guest logs before it powers off, with "error" saying why.
constexpr std::array<std::string_view, 2> kRefusals = {"agent_refused", "init_failed"};

}  // namespace

bool IsTimelineEvent(std::string_view event) {
  return std::find(kMilestones.begin(), kMilestones.end(), event) != kMilestones.end();
}

std::string PrintableLine(std::string_view text, size_t limit) {
  std::string out(text.substr(0, limit));
  std::replace_if(
      out.begin(), out.end(), [](unsigned char c) { return c < 0x20 || c > 0x7e; }, '?');
  return out;
}

absl::StatusOr<std::unique_ptr<ConsoleRecorder>> ConsoleRecorder::Open(
    const std::string& folder, std::chrono::steady_clock::time_point vm_start) {
  std::unique_ptr<ConsoleRecorder> recorder(new ConsoleRecorder(folder, vm_start));
  RETURN_IF_ERROR(recorder->OpenLog());
  ASSIGN_OR_RETURN(recorder->timeline_, OpenFile(StrCat(folder, "/timeline.jsonl"),
                                                 O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600));
  return recorder;
}

absl::Status ConsoleRecorder::OpenLog() {
  ASSIGN_OR_RETURN(log_, OpenFile(StrCat(folder_, "/console.log"),
                                  O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600));
  log_size_ = 0;
  return absl::OkStatus();
}

void ConsoleRecorder::WriteLog(ByteView bytes) {
  std::lock_guard lock(mutex_);
  if (!status_.ok()) return;
  if (log_size_ + bytes.size() > kMaxConsoleFile) {
    const std::string name = StrCat(folder_, "/console.log");
    if (::rename(name.c_str(), StrCat(name, ".1").c_str()) != 0) {
      status_ = ErrnoStatus(errno, StrCat("renaming ", name));
      return;
    }
    status_ = OpenLog();
    if (!status_.ok()) return;
  }
  log_size_ += bytes.size();
  status_ = WriteAll(log_.get(), bytes);
}

void ConsoleRecorder::Feed(ByteView bytes) {
  while (bytes.size() > kMaxConsoleLine) {
    Feed(bytes.first(kMaxConsoleLine));
    bytes = bytes.subspan(kMaxConsoleLine);
  }
  WriteLog(bytes);
  for (char c : AsText(bytes)) {
    if (c != '\n') line_.push_back(c);
    if (c == '\n' || line_.size() >= kMaxConsoleLine) {
      HandleLine(StripSpace(line_));
      line_.clear();
    }
  }
}

void ConsoleRecorder::HandleLine(std::string_view line) {
  if (line.empty()) return;
  // The kernel may have begun a line of its own before the agent's.
  const size_t object = line.find('{');
  if (object != std::string_view::npos) HandleEvent(line.substr(object));
  std::lock_guard lock(mutex_);
  last_line_ = PrintableLine(line, kMaxReason);
  if (panic_.empty() && line.find("Kernel panic") != std::string_view::npos) panic_ = last_line_;
}

void ConsoleRecorder::HandleEvent(std::string_view line) {
  const auto object = ParseJson(line, {.max_size = kMaxConsoleLine, .max_depth = 4});
  if (!object.ok() || !object->is_object()) return;
  const auto event = JsonString(*object, "event", "console");
  if (!event.ok()) return;
  if (IsTimelineEvent(*event)) Mark(*event);
  if (std::ranges::find(kRefusals, *event) == kRefusals.end()) return;
  const auto reason = JsonString(*object, "error", "console");
  if (!reason.ok()) return;
  std::lock_guard lock(mutex_);
  if (refusal_.empty()) refusal_ = PrintableLine(*reason, kMaxReason);
}

void ConsoleRecorder::Mark(std::string_view event) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                      std::chrono::steady_clock::now() - vm_start_)
                      .count();
  std::lock_guard lock(mutex_);
  if (timeline_entries_ >= kMaxTimelineEntries || !status_.ok()) return;
  ++timeline_entries_;
  status_ =
      WriteAll(timeline_.get(), AsBytes(StrCat("{\"event\":\"", event, "\",\"ms\":", ms, "}\n")));
}

std::string ConsoleRecorder::Reason() const {
  std::lock_guard lock(mutex_);
  if (!refusal_.empty()) return refusal_;
  return panic_.empty() ? last_line_ : panic_;
}

absl::Status ConsoleRecorder::status() const {
  std::lock_guard lock(mutex_);
  return status_;
}

}  // namespace nacre::runtime
