// Nobody is forgotten: whatever waits does so either because somebody is coming, who looks when he
// has come or has given up, or because somebody commits, who looks again afterwards. And a thread
// of the queue's own looks when the time is over.
#include "attestation/broker/storage/commit_queue.h"

#include <algorithm>
#include <utility>

namespace nacre::attestation::sql {
namespace {

constexpr size_t kMaxEntries = 64;

}  // namespace

CommitQueue::CommitQueue(Database* database) : database_(*database) {
  if (database_.engine() != Engine::kSqlite) return;
  watcher_ = std::jthread([this](const std::stop_token& stop) { Watch(stop); });
}

CommitQueue::~CommitQueue() {
  watcher_.request_stop();
  if (watcher_.joinable()) watcher_.join();
}

CommitQueue::Coming::Coming(CommitQueue& queue) : queue_(queue) {
  const std::lock_guard lock(queue_.mutex_);
  ++queue_.coming_;
}

CommitQueue::Coming::~Coming() {
  std::unique_lock lock(queue_.mutex_);
  --queue_.coming_;
  queue_.CommitWhenTime(lock, Clock::now());
}

void CommitQueue::Submit(Entry entry) {
  if (database_.engine() != Engine::kSqlite) {
    entry.done(database_.Write(entry.write));
    return;
  }
  std::unique_lock lock(mutex_);
  const auto now = Clock::now();
  const bool first = waiting_.empty();
  if (first) since_ = now;
  waiting_.push_back(std::move(entry));
  CommitWhenTime(lock, now);
  if (first && !watching_ && !waiting_.empty()) first_came_.notify_one();
}

bool CommitQueue::IsTime(Clock::time_point now) const {
  if (waiting_.empty()) return false;
  return coming_ == 0 || waiting_.size() >= kMaxEntries || now - since_ >= kMaxWait;
}

void CommitQueue::CommitWhenTime(std::unique_lock<std::mutex>& lock, Clock::time_point now) {
  for (; !committing_ && IsTime(now); now = Clock::now()) {
    committing_ = true;
    std::vector<Entry> entries;
    entries.swap(waiting_);
    lock.unlock();
    Commit(std::move(entries));
    lock.lock();
    committing_ = false;
  }
}

void CommitQueue::Watch(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (first_came_.wait(lock, stop, [this] { return !waiting_.empty(); })) {
    watching_ = true;
    if (!stop.stop_requested()) {
      const auto late = std::max(since_, Clock::now() - kMaxWait / 2) + kMaxWait;
      first_came_.wait_until(lock, stop, late, [] { return false; });
    }
    watching_ = false;
    CommitWhenTime(lock, stop.stop_requested() ? Clock::time_point::max() : Clock::now());
  }
}

// What one entry does wrong must not cost the others their place: then each goes by itself.
void CommitQueue::Commit(std::vector<Entry> entries) {
  const absl::Status all = database_.Write([&](Connection& connection) -> absl::Status {
    for (const Entry& entry : entries) RETURN_IF_ERROR(entry.write(connection));
    return absl::OkStatus();
  });
  const bool apart = !all.ok() && entries.size() > 1;
  for (const Entry& entry : entries) entry.done(apart ? database_.Write(entry.write) : all);
}

}  // namespace nacre::attestation::sql
