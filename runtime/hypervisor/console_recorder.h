// What the guest says on its serial console, as the host keeps it: the last part as text
// (console.log, with console.log.1 before it), the milestones of its start with host times
// (timeline.jsonl), and the reason to give when the guest goes down.
//
// The console is the guest's to write, so for the host it is hostile input: lines, files, and the
// number of timeline entries are bounded, and a reason is cut and made printable before it is
// repeated to anyone.
#pragma once

#include <chrono>
#include <mutex>
#include <string>

#include "base/bytes.h"
#include "base/status.h"
#include "base/unique_fd.h"

namespace nacre::runtime {

inline constexpr size_t kMaxConsoleFile = 512 << 10;  // each of the two
inline constexpr size_t kMaxConsoleLine = 8 << 10;    // longer lines are cut into pieces
inline constexpr size_t kMaxTimelineEntries = 64;
inline constexpr size_t kMaxReason = 600;

class ConsoleRecorder {
 public:
  // Files are made in `folder`; times count from `vm_start`.
  static absl::StatusOr<std::unique_ptr<ConsoleRecorder>> Open(
      const std::string& folder, std::chrono::steady_clock::time_point vm_start);

  // From one thread. Errors of the disk are kept and end recording, never the VM.
  void Feed(ByteView bytes);
  // Appends {"event":...,"ms":...} for something the host did or saw.
  void Mark(std::string_view event);

  // Why the guest refused or failed: the agent's refusal, else a kernel panic, else its last line;
  // "" when it said nothing. One printable line, at most kMaxReason bytes. Thread-safe.
  std::string Reason() const;
  absl::Status status() const;

 private:
  ConsoleRecorder(std::string folder, std::chrono::steady_clock::time_point vm_start)
      : folder_(std::move(folder)), vm_start_(vm_start) {}
  absl::Status OpenLog();
  void WriteLog(ByteView bytes);
  void HandleLine(std::string_view line);
  void HandleEvent(std::string_view line);

  const std::string folder_;
  const std::chrono::steady_clock::time_point vm_start_;
  UniqueFd log_;
  size_t log_size_ = 0;
  std::string line_;  // the line that has not ended yet

  mutable std::mutex mutex_;
  UniqueFd timeline_;
  size_t timeline_entries_ = 0;
  absl::Status status_;
  std::string refusal_, panic_, last_line_;
};

// The milestones that go into the timeline.
bool IsTimelineEvent(std::string_view event);

// Printable ASCII of `text`, at most `limit` bytes, anything else as '?'.
std::string PrintableLine(std::string_view text, size_t limit);

}  // namespace nacre::runtime
