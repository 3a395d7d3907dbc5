#include "guest-agent/storage/block_allocator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace nacre::guest_agent {
namespace {

using ::testing::ElementsAre;

TEST(BlockAllocator, GivesRunsFromTheStart) {
  BlockAllocator disk(100);
  EXPECT_EQ(disk.Take(10, 0).value(), (Extent{0, 10}));
  EXPECT_EQ(disk.Take(10, 0).value(), (Extent{10, 10}));
  EXPECT_EQ(disk.free(), 80u);
  EXPECT_EQ(disk.blocks(), 100u);
}

TEST(BlockAllocator, GoesOnWhereTheCallerIs) {
  BlockAllocator disk(100);
  const Extent first = disk.Take(10, 0).value();
  const Extent other = disk.Take(10, 0).value();
  EXPECT_EQ(disk.Take(10, other.end()).value(), (Extent{20, 10}));
  // Taken behind it: a place of its own.
  EXPECT_EQ(disk.Take(10, first.end()).value(), (Extent{30, 10}));
  disk.Give(other);
  EXPECT_EQ(disk.Take(4, first.end()).value(), (Extent{10, 4}));
  // A run that goes on is taken though it is short of what is wanted; the next is not.
  EXPECT_EQ(disk.Take(40, 14).value(), (Extent{14, 6}));
  EXPECT_EQ(disk.Take(40, 20).value(), (Extent{40, 40}));
}

TEST(BlockAllocator, AFragmentedDiskIsStillAllUsed) {
  BlockAllocator disk(64);
  for (int i = 0; i < 32; ++i) ASSERT_TRUE(disk.Take(2, 0).ok());
  for (uint64_t i = 0; i < 64; i += 4) disk.Give({i, 2});
  disk.Give({2, 1});  // blocks 0 to 2 are one run now
  EXPECT_EQ(disk.free(), 33u);
  EXPECT_EQ(disk.Take(16, 63).value(), (Extent{0, 3})) << "the longest";
  for (int i = 0; i < 15; ++i) EXPECT_EQ(disk.Take(16, 63).value().blocks, 2u);
  EXPECT_EQ(disk.free(), 0u);
}

TEST(BlockAllocator, AFullDiskSaysSo) {
  BlockAllocator disk(8);
  EXPECT_EQ(disk.Take(9, 0).value(), (Extent{0, 8}));
  const absl::Status full = disk.Take(1, 0).status();
  EXPECT_EQ(full.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(full.message(), "scratch disk: all of its 8 blocks of 4 KiB are in use");
  disk.Give({7, 1});
  EXPECT_EQ(disk.Take(0, 0).value(), (Extent{7, 1})) << "never an empty run";
  EXPECT_FALSE(BlockAllocator(0).Take(1, 0).ok());
}

TEST(BlockAllocator, WhatTouchesBecomesOneRun) {
  // Three runs side by side, given back in each order.
  for (const std::vector<uint64_t>& order :
       std::vector<std::vector<uint64_t>>{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}}) {
    BlockAllocator disk(30);
    ASSERT_TRUE(disk.Take(30, 0).ok());
    for (const uint64_t which : order) disk.Give({which * 10, 10});
    disk.Give({5, 0});
    EXPECT_EQ(disk.Take(30, 0).value(), (Extent{0, 30}));
  }
}

TEST(Append, MakesTheLastRunLongerWhereItGoesOn) {
  std::vector<Extent> extents;
  for (const Extent& extent :
       {Extent{8, 2}, Extent{10, 1}, Extent{12, 3}, Extent{15, 0}, Extent{0, 8}, Extent{8, 1}})
    Append(extent, &extents);
  EXPECT_THAT(extents, ElementsAre(Extent{8, 3}, Extent{12, 3}, Extent{0, 9}));
}

// Against a plain map of the disk: no block is ever given twice, none is lost, and the sum is
// right, whatever is taken and given back, whole or in part.
class AnyOrder : public ::testing::TestWithParam<int> {};

TEST_P(AnyOrder, EachBlockHasOneOwner) {
  std::mt19937 random(GetParam());
  const uint64_t blocks = 1 + random() % 300;
  BlockAllocator disk(blocks);
  std::vector<bool> used(blocks);
  std::vector<Extent> held;
  uint64_t in_use = 0;
  for (int step = 0; step < 2000; ++step) {
    if (held.empty() || random() % 2 == 0) {
      const uint64_t most = 1 + random() % 40, near = random() % (blocks + 2);
      const auto taken = disk.Take(most, near);
      ASSERT_EQ(taken.ok(), in_use < blocks);
      if (!taken.ok()) continue;
      ASSERT_LE(taken->end(), blocks);
      ASSERT_TRUE(taken->blocks >= 1 && taken->blocks <= most);
      for (uint64_t b = taken->start; b < taken->end(); ++b) {
        ASSERT_FALSE(used[b]) << "block " << b << " was given twice";
        used[b] = true;
      }
      in_use += taken->blocks;
      held.push_back(*taken);
    } else {
      std::swap(held[random() % held.size()], held.back());
      Extent& last = held.back();
      const uint64_t part = 1 + random() % last.blocks;
      const Extent back{last.end() - part, part};
      disk.Give(back);
      for (uint64_t b = back.start; b < back.end(); ++b) used[b] = false;
      in_use -= part;
      last.blocks -= part;
      if (last.blocks == 0) held.pop_back();
    }
    ASSERT_EQ(disk.free(), blocks - in_use);
  }
  for (const Extent& extent : held) disk.Give(extent);
  EXPECT_EQ(disk.Take(blocks, 0).value(), (Extent{0, blocks}));
}

INSTANTIATE_TEST_SUITE_P(Seeds, AnyOrder, ::testing::Range(1, 21));

}  // namespace
}  // namespace nacre::guest_agent
