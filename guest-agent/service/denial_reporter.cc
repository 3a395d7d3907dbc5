// One thread and a flag. The thread is detached and holds all it uses: a send that hangs in a dead
// connection must not keep the guest from ending.
#include "guest-agent/service/denial_reporter.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "base/log.h"
#include "crypto/random.h"

namespace nacre::guest_agent {
namespace {

// Guests that were refused together must not come back together.
std::chrono::milliseconds Spread(int64_t pause_ms) {
  const Bytes random = crypto::RandomBytes(2);
  const int64_t part = random[0] * 256 + random[1];  // 0..65535
  return std::chrono::milliseconds(pause_ms + pause_ms * part / (2 * 65'536));
}

}  // namespace

struct DenialReporter::Shared {
  explicit Shared(DenialReporterOptions given) : options(std::move(given)) {}
  const DenialReporterOptions options;
  std::mutex mutex;
  std::condition_variable changed;
  bool wake = false;  // guarded by mutex, as the next two
  bool ending = false;
  bool ended = false;
  uint64_t reported = 0;  // the last id; only the thread's, as the next one
  bool turned_away = false;
};

DenialReporter::DenialReporter(DenialReporterOptions options)
    : shared_(std::make_shared<Shared>(std::move(options))) {
  std::thread([shared = shared_] { Run(*shared); }).detach();
}

DenialReporter::~DenialReporter() {
  std::unique_lock lock(shared_->mutex);
  shared_->ending = true;
  shared_->changed.notify_all();
  shared_->changed.wait_for(lock, std::chrono::milliseconds(shared_->options.last_wait_ms),
                            [&] { return shared_->ended; });
}

void DenialReporter::Wake() {
  const std::lock_guard lock(shared_->mutex);
  shared_->wake = true;
  shared_->changed.notify_all();
}

void DenialReporter::Run(Shared& shared) {
  const DenialReporterOptions& options = shared.options;
  int64_t pause_ms = options.pause_ms;
  std::unique_lock lock(shared.mutex);
  while (!shared.turned_away) {
    shared.changed.wait(lock, [&] { return shared.wake || shared.ending; });
    if (!shared.wake) break;
    shared.wake = false;
    const bool last = shared.ending;
    lock.unlock();
    const bool done = Report(shared);
    lock.lock();
    if (last) break;
    // A failed report is due again without a new denial.
    shared.wake |= !done;
    pause_ms = done ? options.pause_ms : std::min(2 * pause_ms, options.max_pause_ms);
    // Not while ending: the process may be past the end of the random source by then.
    if (!shared.turned_away && !shared.ending)
      shared.changed.wait_for(lock, Spread(pause_ms), [&] { return shared.ending; });
  }
  shared.ended = true;
  shared.changed.notify_all();
}

// Sends what is new; true when nothing of it is to be sent again.
bool DenialReporter::Report(Shared& shared) {
  const std::vector<policy::Denial> denials = shared.options.denials(shared.reported);
  if (denials.empty()) return true;
  const absl::Status sent = shared.options.send(denials);
  const bool done = sent.ok() || absl::IsInvalidArgument(sent);
  if (done) shared.reported = denials.back().id;
  if (sent.ok()) return true;
  shared.turned_away = absl::IsPermissionDenied(sent) || absl::IsNotFound(sent);
  Log(LogLevel::kWarning, "denials_not_reported",
      {{"error", sent.ToString()}, {"again", !done && !shared.turned_away}});
  return done;
}

}  // namespace nacre::guest_agent
