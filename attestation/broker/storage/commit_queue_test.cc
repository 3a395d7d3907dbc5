#include "attestation/broker/storage/commit_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <latch>
#include <mutex>
#include <optional>
#include <thread>

#include "attestation/broker/storage/testing.h"
#include "base/status_testing.h"

namespace nacre::attestation::sql {
namespace {

class CommitQueueTest : public attestation::testing::DatabaseTest {
 protected:
  void SetUp() override {
    DatabaseTest::SetUp();
    if (database == nullptr) return;
    ASSERT_OK(place->Execute("CREATE TABLE t (k BIGINT NOT NULL PRIMARY KEY);"));
    queue.emplace(database.get());
  }
  // Adds row `k`, or fails before it.
  CommitQueue::Entry Adding(int64_t k, std::optional<absl::Status>* outcome,
                            absl::Status fails = absl::OkStatus()) {
    return {.write = [k, fails](Connection& connection) -> absl::Status {
              RETURN_IF_ERROR(fails);
              return connection.Query("INSERT INTO t (k) VALUES ($1)", {k}).status();
            },
            .done =
                [this, outcome](const absl::Status& status) {
                  const std::lock_guard lock(mutex);
                  EXPECT_FALSE(outcome->has_value());
                  *outcome = status;
                  changed.notify_all();
                }};
  }
  // Its outcome, which may come from the queue's own thread.
  absl::Status Await(const std::optional<absl::Status>& outcome) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return outcome.has_value(); });
    return *outcome;
  }
  int64_t Count() { return database->Query("SELECT count(*) FROM t")->Number(0, 0); }

  std::mutex mutex;
  std::condition_variable changed;
  std::optional<CommitQueue> queue;  // its end comes first
};
INSTANTIATE_ON_BOTH_ENGINES(CommitQueueTest);

TEST_P(CommitQueueTest, OneThatIsAloneIsDoneAtOnce) {
  std::optional<absl::Status> done;
  queue->Submit(Adding(1, &done));
  EXPECT_OK(Await(done));
  EXPECT_EQ(Count(), 1);
}

TEST_P(CommitQueueTest, WhoeverComesLastCommitsForAll) {
  std::vector<std::optional<absl::Status>> done(2);
  {
    const CommitQueue::Coming me(*queue);
    std::optional<CommitQueue::Coming> other(*queue);
    queue->Submit(Adding(0, &done[0]));
    queue->Submit(Adding(1, &done[1]));
    other.reset();  // gave up
  }
  // Unless the time was over before: then the queue's own thread does it now.
  for (const std::optional<absl::Status>& one : done) EXPECT_OK(Await(one));
  EXPECT_EQ(Count(), 2);
}

TEST_P(CommitQueueTest, NobodyWaitsForLong) {
  const CommitQueue::Coming never(*queue);
  for (int64_t k = 0; k < 3; ++k) {
    std::latch done(1);
    queue->Submit({.write =
                       [k](Connection& connection) {
                         return connection.Query("INSERT INTO t (k) VALUES ($1)", {k}).status();
                       },
                   .done =
                       [&](const absl::Status& status) {
                         EXPECT_OK(status);
                         done.count_down();
                       }});
    done.wait();
  }
  EXPECT_EQ(Count(), 3);
}

TEST_P(CommitQueueTest, WhatOneDoesWrongIsItsOwn) {
  std::optional<absl::Status> good, bad, taken, last;
  {
    const CommitQueue::Coming me(*queue);
    queue->Submit(Adding(1, &good));
    queue->Submit(Adding(2, &bad, absl::InternalError("no")));
    queue->Submit(Adding(1, &taken));
    queue->Submit(Adding(3, &last));
  }
  EXPECT_OK(Await(good));
  EXPECT_STATUS(Await(bad), kInternal, "no");
  EXPECT_STATUS(Await(taken), kAlreadyExists, "");
  EXPECT_OK(Await(last));
  EXPECT_EQ(Count(), 2);
}

TEST_P(CommitQueueTest, ManyThreadsAreAllDone) {
  constexpr int kThreads = 8, kEach = 25;
  std::atomic<int> done = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      for (int j = 0; j < kEach; ++j) {
        const CommitQueue::Coming me(*queue);
        CommitQueue::Entry entry = {
            .write =
                [k = int64_t{i} * kEach + j](Connection& connection) {
                  return connection.Query("INSERT INTO t (k) VALUES ($1)", {k}).status();
                },
            .done = [&](const absl::Status& status) { done += status.ok() ? 1 : 0; }};
        queue->Submit(std::move(entry));
      }
    });
  }
  threads.clear();
  EXPECT_EQ(done, kThreads * kEach);
  EXPECT_EQ(Count(), kThreads * kEach);
}

}  // namespace
}  // namespace nacre::attestation::sql
