// Group commit. A commit costs its sync of the disk, whatever is in it, so what several threads
// have to write goes into one transaction: who comes first waits a little for those that are known
// to be on their way, and whoever is the last of them commits for all.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "attestation/broker/storage/sql.h"
#include "base/status.h"

namespace nacre::attestation::sql {

class CommitQueue {
 public:
  struct Entry {
    // All of it or nothing. It may run more than once, so it sets all it gives back each time.
    Database::Work write;
    // Once, when what was written is durable or could not be written; on any thread, with nothing
    // locked.
    std::function<void(const absl::Status&)> done;
  };

  // The database outlives the queue. On PostgreSQL, which groups commits itself and has many
  // writers, every entry is its own transaction, done when Submit returns.
  explicit CommitQueue(Database* database);
  CommitQueue(const CommitQueue&) = delete;
  ~CommitQueue();  // what still waits is committed

  // While it lives, its thread works towards an entry: others wait for that, up to kMaxWait.
  class Coming {
   public:
    explicit Coming(CommitQueue& queue);
    Coming(const Coming&) = delete;
    ~Coming();

   private:
    CommitQueue& queue_;
  };

  // May commit, and so wait for the disk, before it returns; or may leave that to another thread.
  void Submit(Entry entry);

  static constexpr auto kMaxWait = std::chrono::milliseconds(10);

 private:
  using Clock = std::chrono::steady_clock;
  bool IsTime(Clock::time_point now) const;
  // Unlocks while it commits.
  void CommitWhenTime(std::unique_lock<std::mutex>& lock, Clock::time_point now);
  void Watch(const std::stop_token& stop);
  void Commit(std::vector<Entry> entries);

  Database& database_;
  std::mutex mutex_;
  std::vector<Entry> waiting_;
  Clock::time_point since_;  // when the first of them came
  int coming_ = 0;
  bool committing_ = false;
  // Commits what nobody has come for in time: who is coming may be waiting for the network.
  std::condition_variable_any first_came_;
  bool watching_ = false;  // that it gets too late: there is no need to wake the thread
  std::jthread watcher_;
};

}  // namespace nacre::attestation::sql
