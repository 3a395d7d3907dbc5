#include "net/ttrpc/frame.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace nacre::ttrpc {
namespace {

// Feeds `bytes` at most `step` at a time; the frames that came out.
std::vector<Frame> Parse(FrameParser& parser, ByteView bytes, size_t step) {
  std::vector<Frame> frames;
  for (;;) {
    if (parser.ready()) frames.push_back(parser.Take());
    if (bytes.empty()) return frames;
    const std::span<uint8_t> space = parser.Space();
    EXPECT_FALSE(space.empty());
    const size_t count = std::min({step, space.size(), bytes.size()});
    std::copy_n(bytes.begin(), count, space.begin());
    parser.Filled(count);
    bytes = bytes.subspan(count);
  }
}

Bytes FrameOf(uint32_t stream_id, uint8_t type, uint8_t flags, size_t size) {
  ByteWriter writer;
  writer.U32Be(static_cast<uint32_t>(size)).U32Be(stream_id).U8(type).U8(flags);
  for (size_t i = 0; i < size; ++i) writer.U8(static_cast<uint8_t>(i * 7));
  return writer.Release();
}

TEST(FrameTest, HeaderIsTenBytesBigEndian) {
  const FrameHeader header{0x01020304, 0xa0b0c0d1, FrameType::kResponse, 0x05};
  const HeaderBytes expected{1, 2, 3, 4, 0xa0, 0xb0, 0xc0, 0xd1, 2, 5};
  EXPECT_EQ(EncodeHeader(header), expected);
  EXPECT_EQ(DecodeHeader(expected), header);
}

TEST(FrameTest, ParsesWhateverThePiecesAre) {
  Bytes stream;
  const size_t sizes[] = {0, 1, 9, 10, 11, 4095, 4096, 4097, 8193, 70000};
  uint32_t id = 1;
  for (size_t size : sizes) {
    const Bytes frame = FrameOf(id, 1, static_cast<uint8_t>(id), size);
    stream.insert(stream.end(), frame.begin(), frame.end());
    id += 2;
  }
  for (size_t step : {size_t{1}, size_t{3}, size_t{10}, size_t{4096}, stream.size()}) {
    FrameParser parser;
    const std::vector<Frame> frames = Parse(parser, stream, step);
    ASSERT_EQ(frames.size(), std::size(sizes));
    for (size_t i = 0; i < frames.size(); ++i) {
      const Bytes whole = FrameOf(frames[i].header.stream_id, 1, frames[i].header.flags, sizes[i]);
      EXPECT_EQ(frames[i].header.stream_id, 2 * i + 1);
      EXPECT_FALSE(frames[i].dropped);
      EXPECT_EQ(frames[i].payload, Bytes(whole.begin() + kHeaderSize, whole.end()));
    }
    EXPECT_TRUE(parser.between_frames());
  }
}

TEST(FrameTest, LimitOfAPayload) {
  for (size_t size : {kMaxPayload - 1, kMaxPayload, kMaxPayload + 1, kMaxPayload + 100000}) {
    FrameParser parser;
    Bytes stream = FrameOf(1, 1, 0, size);
    const Bytes next = FrameOf(3, 1, 0, 5);
    stream.insert(stream.end(), next.begin(), next.end());
    const std::vector<Frame> frames = Parse(parser, stream, 1 << 20);
    ASSERT_EQ(frames.size(), 2u);
    EXPECT_EQ(frames[0].header.length, size);
    EXPECT_EQ(frames[0].dropped, size > kMaxPayload);
    EXPECT_EQ(frames[0].payload.size(), size > kMaxPayload ? 0 : size);
    EXPECT_EQ(frames[1].payload.size(), 5u) << "the stream goes on after a dropped payload";
  }
}

TEST(FrameTest, LowerLimitSetByTheReader) {
  for (size_t limit : {size_t{0}, size_t{9}, size_t{10}, size_t{11}}) {
    FrameParser parser;
    parser.set_max_payload(limit);
    const std::vector<Frame> frames = Parse(parser, FrameOf(1, 1, 0, 10), 4);
    ASSERT_EQ(frames.size(), 1u);
    EXPECT_EQ(frames[0].dropped, limit < 10);
  }
  FrameParser parser;
  parser.set_max_payload(0);
  EXPECT_FALSE(Parse(parser, FrameOf(1, 1, 0, 0), 4).at(0).dropped);
}

TEST(FrameTest, ALargeClaimTakesNoMemoryBeforeItsBytesCome) {
  FrameParser parser;
  const Bytes header = FrameOf(1, 1, 0, 0);
  Bytes claim(header);
  claim[1] = 0x40;  // 4 MiB
  EXPECT_TRUE(Parse(parser, claim, 10).empty());
  EXPECT_LE(parser.Space().size(), 4096u);
  EXPECT_FALSE(parser.between_frames());

  FrameParser largest;
  std::fill_n(claim.begin(), 4, 0xff);  // 4 GiB - 1
  EXPECT_TRUE(Parse(largest, claim, 10).empty());
  EXPECT_LE(largest.Space().size(), 16384u);
}

TEST(FrameTest, EndOfStreamIsCleanOnlyBetweenFrames) {
  const Bytes frame = FrameOf(1, 1, 0, 3);
  for (size_t size = 0; size <= frame.size(); ++size) {
    FrameParser parser;
    Parse(parser, ByteView(frame).first(size), 1);
    EXPECT_EQ(parser.between_frames(), size == 0 || size == frame.size()) << size;
  }
}

}  // namespace
}  // namespace nacre::ttrpc
