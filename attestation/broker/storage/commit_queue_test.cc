#include "attestation/broker/storage/commit_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>

#include "attestation/broker/storage/testing.h"
#include "base/status_testing.h"

namespace nacre::attestation::sql {
namespace {

class CommitQueueTest : public ::testing::TestWithParam<Engine> {
 protected:
  void SetUp() override {
    auto made = attestation::testing::TestDatabase::Create(GetParam());
    if (absl::IsNotFound(made.status())) GTEST_SKIP() << made.status().ToString();
    ASSERT_OK(made);
    place.emplace(*std::move(made));
    auto opened = place->Open();
    ASSERT_OK(opened);
    database = *std::move(opened);
    ASSERT_OK(place->Execute("CREATE TABLE t (k BIGINT NOT NULL PRIMARY KEY);"));
    queue.emplace(database.get());
  }
  // Adds row `k`, or fails before it.
  CommitQueue::Entry Adding(int64_t k, std::optional<absl::Status>* outcome,
                            absl::Status fails = absl::OkStatus()) {
    return {.write = [this, k, fails](Connection& connection) -> absl::Status {
              ++writes;
              RETURN_IF_ERROR(fails);
              return connection.Query("INSERT INTO t (k) VALUES ($1)", {k}).status();
            },
            .done =
                [outcome](const absl::Status& status) {
                  EXPECT_FALSE(outcome->has_value());
                  *outcome = status;
                }};
  }
  int64_t Count() { return database->Query("SELECT count(*) FROM t")->Number(0, 0); }

  std::optional<attestation::testing::TestDatabase> place;
  std::unique_ptr<Database> database;
  std::optional<CommitQueue> queue;
  std::atomic<int> writes = 0;
};
INSTANTIATE_ON_BOTH_ENGINES(CommitQueueTest);

TEST_P(CommitQueueTest, OneThatIsAloneIsDoneAtOnce) {
  std::optional<absl::Status> done;
  queue->Submit(Adding(1, &done));
  ASSERT_TRUE(done.has_value());
  EXPECT_OK(*done);
  EXPECT_EQ(Count(), 1);
}

TEST_P(CommitQueueTest, WhoeverComesLastCommitsForAll) {
  std::optional<absl::Status> one, two;
  {
    const CommitQueue::Coming me(*queue);
    std::optional<CommitQueue::Coming> other(*queue);
    queue->Submit(Adding(1, &one));
    EXPECT_EQ(one.has_value(), GetParam() == Engine::kPostgresql);
    other.reset();  // gave up
    EXPECT_EQ(one.has_value(), GetParam() == Engine::kPostgresql);
  }
  EXPECT_TRUE(one.has_value());
  queue->Submit(Adding(2, &two));
  EXPECT_TRUE(two.has_value());
  EXPECT_EQ(Count(), 2);
}

TEST_P(CommitQueueTest, NobodyWaitsForLong) {
  std::optional<absl::Status> one, two;
  const CommitQueue::Coming never(*queue);
  queue->Submit(Adding(1, &one));
  const auto until = std::chrono::steady_clock::now() + CommitQueue::kMaxWait;
  while (std::chrono::steady_clock::now() < until) std::this_thread::yield();
  queue->Submit(Adding(2, &two));
  EXPECT_TRUE(one.has_value() && two.has_value());
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
  ASSERT_TRUE(good && bad && taken && last);
  EXPECT_OK(*good);
  EXPECT_STATUS(*bad, kInternal, "no");
  EXPECT_STATUS(*taken, kAlreadyExists, "");
  EXPECT_OK(*last);
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
