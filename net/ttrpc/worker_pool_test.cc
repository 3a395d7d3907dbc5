#include "net/ttrpc/worker_pool.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <latch>

namespace nacre::ttrpc {
namespace {

TEST(WorkerPoolTest, RunsUpToItsLimitAtOnceAndNoMore) {
  std::latch all_run(3), release(1);
  std::atomic<int> done = 0;
  {
    WorkerPool pool(3);
    for (int i = 0; i < 3; ++i) {
      EXPECT_TRUE(pool.TryRun([&] {
        all_run.count_down();
        release.wait();
        ++done;
      }));
    }
    all_run.wait();  // three at once, none behind another
    EXPECT_FALSE(pool.TryRun([&] { done = 100; }));
    release.count_down();
  }
  EXPECT_EQ(done, 3) << "the destructor waits";
}

TEST(WorkerPoolTest, ThreadsAreUsedAgainAndRoomComesBack) {
  WorkerPool pool(1);
  for (int i = 0; i < 100; ++i) {
    std::latch done(1);
    // The thread may still be on its way back from the work before.
    EXPECT_TRUE(pool.TryRun([&] { done.count_down(); }, 10000));
    done.wait();
  }
}

TEST(WorkerPoolTest, WaitsForRoomOnlySoLong) {
  std::latch release(1);
  WorkerPool pool(1);
  EXPECT_TRUE(pool.TryRun([&] { release.wait(); }));
  EXPECT_FALSE(pool.TryRun([] {}, 1));
  release.count_down();
}

TEST(WorkerPoolTest, WorkMayGiveMoreWork) {
  std::atomic<int> ran = 0;
  {
    WorkerPool pool(8);
    ASSERT_TRUE(pool.TryRun([&] {
      ++ran;
      EXPECT_TRUE(pool.TryRun([&] { ++ran; }));
    }));
    while (ran < 2) sched_yield();
  }
  EXPECT_EQ(ran, 2);
}

TEST(WorkerPoolTest, NoThreadsAllowed) {
  WorkerPool pool(0);
  EXPECT_FALSE(pool.TryRun([] {}));
}

TEST(WorkerPoolTest, StacksAreSmall) {
  size_t size = 0;
  {
    WorkerPool pool(1, 0, 192 << 10);
    ASSERT_TRUE(pool.TryRun([&] {
      pthread_attr_t attributes;
      pthread_getattr_np(pthread_self(), &attributes);
      pthread_attr_getstacksize(&attributes, &size);
      pthread_attr_destroy(&attributes);
    }));
  }
  // Not exactly: sanitizers add to it, and the C library may hand out a larger used one.
  EXPECT_GE(size, 192u << 10);
  EXPECT_LT(size, 4u << 20);
}

}  // namespace
}  // namespace nacre::ttrpc
