#include "guest-agent/storage/part_writer.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/file.h"
#include "base/status_testing.h"
#include "image-rs-cpp/store/layer_volume.h"

namespace nacre::guest_agent {
namespace {

using image::kVolumeBlock;
using ::testing::ElementsAre;

// Block number `n` of a part.
Bytes Block(uint64_t n) {
  Bytes block(kVolumeBlock, static_cast<uint8_t>(n * 7 + 1));
  block[0] = static_cast<uint8_t>(n);
  block[1] = static_cast<uint8_t>(n >> 8);
  return block;
}
Bytes Blocks(uint64_t first, uint64_t count) {
  Bytes blocks;
  for (uint64_t n = first; n < first + count; ++n) {
    const Bytes one = Block(n);
    blocks.insert(blocks.end(), one.begin(), one.end());
  }
  return blocks;
}

class PartWriterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fd_ = OpenFile(folder_.path() + "/disk", O_RDWR | O_CREAT, 0600).value();
  }
  Bytes Read(const std::vector<Extent>& extents) {
    Bytes out;
    for (const Extent& extent : extents) {
      Bytes part(extent.blocks * kVolumeBlock);
      EXPECT_EQ(pread(fd_.get(), part.data(), part.size(), extent.start * kVolumeBlock),
                static_cast<ssize_t>(part.size()));
      out.insert(out.end(), part.begin(), part.end());
    }
    return out;
  }
  const TemporaryDirectory folder_ = TemporaryDirectory::Create("part").value();
  UniqueFd fd_;
};

TEST_F(PartWriterTest, BlocksComeInPiecesOfAnySize) {
  BlockAllocator disk(1000);
  PartWriter part(&disk, fd_.get(), {.buffer_blocks = 4});
  uint64_t at = 0;
  for (const uint64_t count : {1, 2, 1, 4, 9, 3, 80}) {
    ASSERT_OK(part.Write(at, Blocks(at, count)));
    at += count;
  }
  const auto extents = part.Finish(at);
  ASSERT_OK(extents) << extents.status();
  EXPECT_THAT(*extents, ElementsAre(Extent{0, 100}));
  EXPECT_EQ(Read(*extents), Blocks(0, 100));
  EXPECT_EQ(disk.free(), 900u) << "what was reserved beyond is given back";
}

TEST_F(PartWriterTest, TheFirstBlockComesLast) {
  for (const uint64_t blocks : {1, 2, 5, 300}) {
    BlockAllocator disk(1000);
    PartWriter part(&disk, fd_.get(), {.buffer_blocks = 16, .first_comes_last = true});
    if (blocks > 1) {
      ASSERT_OK(part.Write(1, Blocks(1, blocks - 1)));
    }
    ASSERT_OK(part.Write(0, Block(0)));
    const auto extents = part.Finish(blocks);
    ASSERT_OK(extents) << extents.status();
    EXPECT_EQ(Read(*extents), Blocks(0, blocks));
    EXPECT_EQ(disk.free(), 1000 - blocks);
  }
}

TEST_F(PartWriterTest, TwoPartsGrowSideBySide) {
  BlockAllocator disk(4096);
  PartWriter one(&disk, fd_.get(), {}), two(&disk, fd_.get(), {});
  for (uint64_t at = 0; at < 1000; at += 10) {
    ASSERT_OK(one.Write(at, Blocks(at, 10)));
    ASSERT_OK(two.Write(at, Blocks(at + 5000, 10)));
  }
  const auto first = one.Finish(1000), second = two.Finish(1000);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(Read(*first), Blocks(0, 1000));
  EXPECT_EQ(Read(*second), Blocks(5000, 1000));
  EXPECT_LE(first->size(), 6u);
  EXPECT_EQ(disk.free(), 4096u - 2000);
}

TEST_F(PartWriterTest, AFragmentedDiskTakesItToo) {
  BlockAllocator disk(400);
  ASSERT_OK(disk.Take(400, 0));
  for (uint64_t at = 1; at < 400; at += 3) disk.Give({at, 2});
  PartWriter part(&disk, fd_.get(), {.buffer_blocks = 7});
  ASSERT_OK(part.Write(0, Blocks(0, 250)));
  const auto extents = part.Finish(250);
  ASSERT_OK(extents);
  EXPECT_EQ(extents->size(), 125u);
  EXPECT_EQ(Read(*extents), Blocks(0, 250));
}

TEST_F(PartWriterTest, AFullDiskIsAnErrorAndGivesAllBack) {
  BlockAllocator disk(10);
  {
    PartWriter part(&disk, fd_.get(), {.buffer_blocks = 1});
    ASSERT_OK(part.Write(0, Blocks(0, 10)));
    EXPECT_STATUS(part.Write(10, Block(10)), kResourceExhausted, "");
    EXPECT_EQ(disk.free(), 0u);
  }
  EXPECT_EQ(disk.free(), 10u);
  EXPECT_EQ(disk.Take(10, 0).value(), (Extent{0, 10}));
}

TEST_F(PartWriterTest, ANearlyFullDiskIsSharedToItsLastBlocks) {
  BlockAllocator disk(1024);
  std::vector<std::unique_ptr<PartWriter>> parts;
  for (int i = 0; i < 4; ++i)
    parts.push_back(std::make_unique<PartWriter>(&disk, fd_.get(), PartWriterOptions{}));
  uint64_t written = 0;
  for (uint64_t at = 0; at < 256; ++at) {
    for (const auto& part : parts) {
      if (!part->Write(at, Block(at)).ok())
        at = 1000;  // the last round
      else
        ++written;
    }
  }
  EXPECT_GE(written, 1000u) << "of 1024";
}

TEST_F(PartWriterTest, WhatFoundNoRoomMayComeAgain) {
  BlockAllocator disk(200);
  const Extent other = disk.Take(150, 0).value();
  PartWriter part(&disk, fd_.get(), {.buffer_blocks = 16, .first_comes_last = true});
  ASSERT_OK(part.Write(1, Blocks(1, 40)));
  EXPECT_STATUS(part.Write(41, Blocks(41, 40)), kResourceExhausted, "are in use");
  EXPECT_STATUS(part.Write(41, Blocks(41, 40)), kResourceExhausted, "are in use");
  disk.Give(other);
  ASSERT_OK(part.Write(41, Blocks(41, 40)));
  ASSERT_OK(part.Write(0, Block(0)));
  const auto extents = part.Finish(81);
  ASSERT_OK(extents);
  EXPECT_EQ(Read(*extents), Blocks(0, 81));
  EXPECT_EQ(disk.free(), 200u - 81);
}

TEST_F(PartWriterTest, NothingIsLeftOutAndNothingComesTwice) {
  BlockAllocator disk(100);
  PartWriter part(&disk, fd_.get(), {.buffer_blocks = 16, .first_comes_last = true});
  EXPECT_STATUS(part.Write(2, Block(2)), kFailedPrecondition, "");
  ASSERT_OK(part.Write(1, Block(1)));
  EXPECT_STATUS(part.Write(1, Block(1)), kFailedPrecondition, "");
  EXPECT_STATUS(part.Finish(2), kFailedPrecondition, "") << "the first never came";
  ASSERT_OK(part.Write(0, Block(0)));
  EXPECT_STATUS(part.Write(0, Block(0)), kFailedPrecondition, "");
  EXPECT_STATUS(part.Finish(3), kFailedPrecondition, "");
  EXPECT_OK(part.Finish(2));
  PartWriter empty(&disk, fd_.get(), {});
  EXPECT_THAT(empty.Finish(0).value(), ElementsAre());
  EXPECT_STATUS(empty.Write(0, Bytes(kVolumeBlock - 1)), kInvalidArgument, "");
  EXPECT_STATUS(empty.Write(0, {}), kInvalidArgument, "");
}

TEST_F(PartWriterTest, ADiskThatCannotBeWrittenIsAnError) {
  const UniqueFd read_only = OpenFile(folder_.path() + "/disk", O_RDONLY).value();
  BlockAllocator disk(100);
  PartWriter part(&disk, read_only.get(), {.buffer_blocks = 1});
  EXPECT_STATUS(part.Write(0, Block(0)), kInternal, "scratch disk: writing: ");
}

}  // namespace
}  // namespace nacre::guest_agent
