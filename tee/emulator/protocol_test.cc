#include "tee/emulator/protocol.h"

#include <gtest/gtest.h>

namespace nacre::tee::emulator {
namespace {

constexpr RequestId kId = {1, 2, 3, 4, 5, 6, 7, 8};
constexpr RequestId kOther = {8, 7, 6, 5, 4, 3, 2, 1};

Bytes Encoded(FrameType type, const RequestId& id, size_t size) {
  return EncodeFrame({type, id, Bytes(size, 0x55)});
}

TEST(FrameScanner, ReadsFramesWholeAndInPieces) {
  const Bytes bytes = Encoded(FrameType::kQuoteRequest, kId, 64);
  EXPECT_EQ(bytes.size(), kHeaderSize + 64);
  FrameScanner scanner(64);
  for (uint8_t byte : bytes) {
    EXPECT_FALSE(scanner.Next({FrameType::kQuoteRequest}));
    scanner.Append({&byte, 1});
  }
  const auto frame = scanner.Next({FrameType::kQuoteRequest});
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->id, kId);
  EXPECT_EQ(frame->payload, Bytes(64, 0x55));
  EXPECT_EQ(scanner.skipped(), 0u);
  EXPECT_FALSE(scanner.Next({FrameType::kQuoteRequest}));
}

TEST(FrameScanner, SkipsWhatWasNotAskedFor) {
  FrameScanner scanner(1000);
  scanner.Append(Bytes(13, 0xee));  // the rest of something old
  scanner.Append(AsBytes("NTEENTEE"));
  scanner.Append(Encoded(FrameType::kQuoteReply, kOther, 10));
  scanner.Append(Encoded(FrameType::kQuoteReply, kId, 20));
  const auto frame = scanner.Next({FrameType::kQuoteReply, FrameType::kError}, kId);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->payload.size(), 20u);
  EXPECT_EQ(scanner.skipped(), 13 + 8 + kHeaderSize + 10);
}

TEST(FrameScanner, PayloadLimitAtAndAbove) {
  FrameScanner scanner(64);
  scanner.Append(Encoded(FrameType::kQuoteRequest, kId, 65));
  EXPECT_FALSE(scanner.Next({FrameType::kQuoteRequest}));
  EXPECT_GT(scanner.skipped(), 0u);
  scanner.Append(Encoded(FrameType::kQuoteRequest, kId, 64));
  EXPECT_TRUE(scanner.Next({FrameType::kQuoteRequest}));
  scanner.Append(Encoded(FrameType::kQuoteRequest, kId, 0));
  EXPECT_TRUE(scanner.Next({FrameType::kQuoteRequest}));
}

TEST(FrameScanner, RefusesOtherVersionsAndTypes) {
  for (size_t offset : {0, 3, 4, 5, 6, 7}) {
    Bytes bytes = Encoded(FrameType::kQuoteRequest, kId, 4);
    bytes[offset] ^= 0x40;
    FrameScanner scanner(64);
    scanner.Append(bytes);
    EXPECT_FALSE(scanner.Next({FrameType::kQuoteRequest})) << offset;
  }
}

TEST(FrameScanner, HoldsLittleOfAStreamWithoutFrames) {
  FrameScanner scanner(64);
  for (int i = 0; i < 100; ++i) {
    scanner.Append(Bytes(1000, 'N'));
    EXPECT_FALSE(scanner.Next({FrameType::kQuoteRequest}));
  }
  EXPECT_GT(scanner.skipped(), 99'000u);
}

}  // namespace
}  // namespace nacre::tee::emulator
