// What GNU tar writes is in tar_differential_test.cc; here is what it does not.
#include "image-rs-cpp/unpack/sparse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status_testing.h"
#include "base/strings.h"
#include "image-rs-cpp/testing/tar_builder.h"
#include "image-rs-cpp/unpack/tar_reader.h"

namespace nacre::image {
namespace {

using testing::TarBuilder;

// Content as it would be read, with '.' for the zeros of a hole.
class Sink : public TarSink {
 public:
  absl::Status BeginEntry(const TarEntry& entry) override {
    StrAppend(&text, entry.path, "(", entry.size, ")=");
    return absl::OkStatus();
  }
  absl::Status EntryData(ByteView data) override {
    text += AsText(data);
    return absl::OkStatus();
  }
  absl::Status EntryHole(uint64_t size) override {
    text += std::string(size, '.');
    return absl::OkStatus();
  }
  absl::Status EndEntry() override {
    text += ";";
    return absl::OkStatus();
  }
  std::string text;
};

absl::StatusOr<std::string> Read(ByteView tar, size_t piece = 1 << 20, const Limits& limits = {}) {
  Sink sink;
  TarReader reader(&sink, limits);
  while (!tar.empty()) {
    const size_t count = std::min(piece, tar.size());
    RETURN_IF_ERROR(reader.Write(tar.first(count)));
    tar = tar.subspan(count);
  }
  RETURN_IF_ERROR(reader.Finish());
  return sink.text;
}

using Records = std::vector<std::pair<std::string, std::string>>;

Bytes PaxSparse(const Records& records, const std::string& content) {
  return TarBuilder().Pax(records).File("stand-in", content).File("next", "n").Finish();
}

Bytes MapInData(const std::string& map, const std::string& content, const char* size = "12") {
  std::string padded = map;
  padded.resize((map.size() + 511) / 512 * 512);
  return PaxSparse({{"GNU.sparse.major", "1"},
                    {"GNU.sparse.minor", "0"},
                    {"GNU.sparse.name", "real"},
                    {"GNU.sparse.realsize", size}},
                   padded + content);
}

TEST(Sparse, ReadsEachKindOfMapInPiecesOfAnySize) {
  const std::string expected = "real(12)=..abc....de.;next(1)=n;";
  for (size_t piece : {1, 100, 4096}) {
    EXPECT_EQ(*Read(MapInData("2\n2\n3\n9\n2\n", "abcde"), piece), expected);
    EXPECT_EQ(*Read(PaxSparse({{"GNU.sparse.name", "real"},
                               {"GNU.sparse.size", "12"},
                               {"GNU.sparse.numblocks", "2"},
                               {"GNU.sparse.map", "2,3,9,2"}},
                              "abcde"),
                    piece),
              expected);
    EXPECT_EQ(*Read(PaxSparse({{"GNU.sparse.size", "12"},
                               {"GNU.sparse.offset", "2"},
                               {"GNU.sparse.numbytes", "3"},
                               {"GNU.sparse.offset", "9"},
                               {"GNU.sparse.numbytes", "2"}},
                              "abcde"),
                    piece),
              "stand-in(12)=..abc....de.;next(1)=n;");
  }
}

TEST(Sparse, AFileMayBeAllHoleOrAllData) {
  EXPECT_EQ(*Read(MapInData("1\n12\n0\n", "")), "real(12)=............;next(1)=n;");
  EXPECT_EQ(*Read(MapInData("0\n", "")), "real(12)=............;next(1)=n;");
  EXPECT_EQ(*Read(MapInData("3\n0\n0\n0\n12\n12\n0\n", "abcdefghijkl")),
            "real(12)=abcdefghijkl;next(1)=n;");
}

TEST(Sparse, RefusesMapsThatDoNotFit) {
  for (const char* map : {"1\n0\n4\n", "1\n0\n6\n", "2\n3\n3\n2\n2\n", "1\n8\n5\n",
                          "1\n18446744073709551615\n5\n", "1\n13\n5\n"}) {
    EXPECT_FALSE(Read(MapInData(map, "abcde")).ok()) << map;
  }
  EXPECT_STATUS(Read(MapInData("1\n0\n4\n", "abcde")), kInvalidArgument, "stored are 5");
  EXPECT_STATUS(Read(MapInData("2\n3\n3\n2\n2\n", "abcde")), kInvalidArgument, "overlap");
  EXPECT_STATUS(Read(MapInData("1\n8\n5\n", "abcde")), kInvalidArgument, "behind the end");
}

TEST(Sparse, RefusesMalformedMaps) {
  for (const char* map : {"x\n", "\n", "-1\n", "1\n\n", "1\n0\n5", "12345678901234567890\n"}) {
    EXPECT_FALSE(Read(MapInData(map, "abcde")).ok()) << map;
  }
  const Records bad[] = {
      {{"GNU.sparse.offset", "1"}},
      {{"GNU.sparse.size", "9"}, {"GNU.sparse.offset", "1"}},
      {{"GNU.sparse.offset", "1"}, {"GNU.sparse.offset", "1"}},
      {{"GNU.sparse.numbytes", "1"}},
      {{"GNU.sparse.size", "9"}, {"GNU.sparse.map", "1,2,3"}},
      {{"GNU.sparse.size", "9"}, {"GNU.sparse.map", "1,x"}},
      {{"GNU.sparse.map", "0,1"}},
      {{"GNU.sparse.size", "-9"}},
      {{"GNU.sparse.name", ""}},
  };
  for (const Records& records : bad) {
    EXPECT_FALSE(Read(PaxSparse(records, "a")).ok()) << records[0].first;
  }
  EXPECT_STATUS(Read(PaxSparse({{"GNU.sparse.major", "1"}, {"GNU.sparse.minor", "1"}}, "")),
                kUnimplemented, "newer than 1.0");
  EXPECT_STATUS(Read(PaxSparse({{"SCHILY.realsize", "1"}}, "")), kUnimplemented, "star's");
}

TEST(Sparse, BoundsPartsAndSize) {
  Limits limits;
  limits.max_sparse_parts = 2;
  limits.max_unpacked_size = 100;
  EXPECT_TRUE(Read(MapInData("2\n2\n3\n9\n2\n", "abcde"), 512, limits).ok());
  EXPECT_STATUS(Read(MapInData("3\n2\n3\n", "abc"), 512, limits), kResourceExhausted, "parts");
  EXPECT_STATUS(
      Read(PaxSparse({{"GNU.sparse.size", "9"}, {"GNU.sparse.map", "0,1,1,1,2,1"}}, "abc"), 512,
           limits),
      kResourceExhausted, "parts");
  EXPECT_TRUE(Read(MapInData("0\n", "", "100"), 512, limits).ok());
  EXPECT_STATUS(Read(MapInData("0\n", "", "101"), 512, limits), kResourceExhausted,
                "101 bytes, allowed are 100");
}

}  // namespace
}  // namespace nacre::image
