#include "image-rs-cpp/unpack/decompress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/strings.h"
#include "image-rs-cpp/testing/compress.h"

namespace nacre::image {
namespace {

using testing::GzipOf;
using ::testing::HasSubstr;
using testing::ZstdOf;

absl::StatusOr<std::string> Decompress(Compression kind, ByteView data, size_t piece = 1 << 20,
                                       const Limits& limits = {}) {
  ASSIGN_OR_RETURN(auto decompressor, Decompressor::Create(kind, limits));
  std::string out;
  while (!data.empty()) {
    const size_t count = std::min(piece, data.size());
    RETURN_IF_ERROR(decompressor->Write(data.first(count), [&](ByteView plain) {
      out += AsText(plain);
      return absl::OkStatus();
    }));
    data = data.subspan(count);
  }
  RETURN_IF_ERROR(decompressor->Finish());
  return out;
}

// Compresses well in places and badly in others; over several output buffers.
std::string Sample() {
  std::string text;
  uint32_t state = 1;
  while (text.size() < 700'000) {
    state = state * 1664525 + 1013904223;
    text += state % 3 == 0 ? std::string(state >> 24, 'z') : std::to_string(state);
  }
  return text;
}

Bytes Compressed(Compression kind, const std::string& text) {
  return kind == Compression::kGzip ? GzipOf(AsBytes(text)) : ZstdOf(AsBytes(text));
}

class DecompressTest : public ::testing::TestWithParam<Compression> {};

TEST_P(DecompressTest, OpensPiecesOfAnySize) {
  const std::string text = Sample();
  const Bytes data = Compressed(GetParam(), text);
  for (size_t piece : {1, 13, 4096, 1 << 20}) {
    auto plain = Decompress(GetParam(), data, piece);
    ASSERT_TRUE(plain.ok()) << plain.status();
    EXPECT_EQ(*plain, text);
  }
}

TEST_P(DecompressTest, OpensAnEmptyStreamAndSeveralInARow) {
  EXPECT_EQ(*Decompress(GetParam(), Compressed(GetParam(), "")), "");
  Bytes two = Compressed(GetParam(), "one ");
  const Bytes second = Compressed(GetParam(), "two");
  two.insert(two.end(), second.begin(), second.end());
  EXPECT_EQ(*Decompress(GetParam(), two), "one two");
  EXPECT_EQ(*Decompress(GetParam(), two, 1), "one two");
}

TEST_P(DecompressTest, RefusesAStreamCutAnywhere) {
  const Bytes data = Compressed(GetParam(), "some text that is long enough to be cut");
  for (size_t size = 0; size < data.size(); ++size) {
    EXPECT_FALSE(Decompress(GetParam(), ByteView(data).first(size)).ok()) << size;
  }
  EXPECT_TRUE(
      absl::IsDataLoss(Decompress(GetParam(), ByteView(data).first(data.size() - 1)).status()));
}

TEST_P(DecompressTest, RefusesBytesAfterTheStream) {
  Bytes data = Compressed(GetParam(), "text");
  data.insert(data.end(), {'j', 'u', 'n', 'k', 'j', 'u', 'n', 'k'});
  EXPECT_TRUE(absl::IsInvalidArgument(Decompress(GetParam(), data).status()));
}

TEST_P(DecompressTest, RefusesOtherBytes) {
  EXPECT_TRUE(absl::IsInvalidArgument(
      Decompress(GetParam(), AsBytes("this is not a compressed stream")).status()));
}

TEST_P(DecompressTest, StopsWhenTheSinkSaysSo) {
  const Bytes data = Compressed(GetParam(), std::string(10'000'000, '0'));  // a bomb
  auto decompressor = Decompressor::Create(GetParam(), {});
  ASSERT_TRUE(decompressor.ok());
  size_t taken = 0;
  absl::Status status = (*decompressor)->Write(data, [&](ByteView plain) {
    taken += plain.size();
    return taken > 300'000 ? absl::ResourceExhaustedError("enough") : absl::OkStatus();
  });
  EXPECT_TRUE(absl::IsResourceExhausted(status));
  EXPECT_LT(taken, 600'000u);
}

INSTANTIATE_TEST_SUITE_P(Kinds, DecompressTest,
                         ::testing::Values(Compression::kGzip, Compression::kZstd));

TEST(Decompress, ChecksGzipsOwnChecksum) {
  Bytes data = GzipOf(AsBytes("text"));
  data[data.size() - 6] ^= 1;
  EXPECT_FALSE(Decompress(Compression::kGzip, data).ok());
}

TEST(Decompress, BoundsZstdsWindow) {
  const std::string text(3 << 20, 'w');
  const Bytes data = ZstdOf(AsBytes(text), 21);
  Limits limits;
  limits.zstd_window_log = 21;
  EXPECT_TRUE(Decompress(Compression::kZstd, data, 1 << 20, limits).ok());
  limits.zstd_window_log = 20;
  EXPECT_THAT(std::string(Message(Decompress(Compression::kZstd, data, 1 << 20, limits).status())),
              HasSubstr("memory"));
}

TEST(Decompress, PlainIsPlain) {
  EXPECT_EQ(*Decompress(Compression::kNone, AsBytes("as it is")), "as it is");
}

}  // namespace
}  // namespace nacre::image
