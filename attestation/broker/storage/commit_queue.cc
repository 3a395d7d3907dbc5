// Nobody is forgotten: whatever waits does so either because somebody is coming, who looks when he
// has come or has given up, or because somebody commits, who looks again afterwards.
#include "attestation/broker/storage/commit_queue.h"

#include <utility>

namespace nacre::attestation::sql {
namespace {

constexpr size_t kMaxEntries = 64;

}  // namespace

CommitQueue::Coming::Coming(CommitQueue& queue) : queue_(queue) {
  const std::lock_guard lock(queue_.mutex_);
  ++queue_.coming_;
}

CommitQueue::Coming::~Coming() {
  std::unique_lock lock(queue_.mutex_);
  --queue_.coming_;
  queue_.CommitWhenTime(std::move(lock), Clock::now());
}

void CommitQueue::Submit(Entry entry) {
  if (database_.engine() != Engine::kSqlite) {
    entry.done(database_.Write(entry.write));
    return;
  }
  std::unique_lock lock(mutex_);
  const auto now = Clock::now();
  if (waiting_.empty()) since_ = now;
  waiting_.push_back(std::move(entry));
  CommitWhenTime(std::move(lock), now);
}

bool CommitQueue::IsTime(Clock::time_point now) const {
  if (waiting_.empty()) return false;
  return coming_ == 0 || waiting_.size() >= kMaxEntries || now - since_ >= kMaxWait;
}

void CommitQueue::CommitWhenTime(std::unique_lock<std::mutex> lock, Clock::time_point now) {
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
