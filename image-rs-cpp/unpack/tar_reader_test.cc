#include "image-rs-cpp/unpack/tar_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "base/strings.h"
#include "image-rs-cpp/testing/tar_builder.h"

namespace nacre::image {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::MakeHeader;
using testing::Member;
using testing::TarBuilder;

// Keeps what it is told.
class Recorder : public TarSink {
 public:
  absl::Status BeginEntry(const TarEntry& entry) override {
    entries.push_back(entry);
    contents.emplace_back();
    return absl::OkStatus();
  }
  absl::Status EntryData(ByteView data) override {
    contents.back() += AsText(data);
    return absl::OkStatus();
  }
  absl::Status EndEntry() override {
    ++ended;
    return absl::OkStatus();
  }
  std::vector<TarEntry> entries;
  std::vector<std::string> contents;
  size_t ended = 0;
};

absl::Status Read(ByteView tar, Recorder* recorder, const Limits& limits = {},
                  size_t piece = 1 << 20) {
  TarReader reader(recorder, limits);
  while (!tar.empty()) {
    const size_t count = std::min(piece, tar.size());
    RETURN_IF_ERROR(reader.Write(tar.first(count)));
    tar = tar.subspan(count);
  }
  return reader.Finish();
}

std::string ErrorOf(ByteView tar, const Limits& limits = {}) {
  Recorder recorder;
  return std::string(Message(Read(tar, &recorder, limits)));
}

TEST(TarReader, ReadsEveryKindOfMember) {
  Bytes tar = TarBuilder()
                  .Folder("etc/")
                  .Add({.path = "etc/passwd",
                        .content = "root",
                        .mode = 04755,
                        .uid = 7,
                        .gid = 8,
                        .mtime = 1234})
                  .Symlink("bin", "usr/bin")
                  .HardLink("etc/same", "etc/passwd")
                  .Device("dev/null", '3', 1, 3)
                  .Device("dev/sda", '4', 8, 0)
                  .Add({.path = "fifo", .type = '6'})
                  .Finish();
  Recorder got;
  ASSERT_TRUE(Read(tar, &got).ok());
  ASSERT_EQ(got.entries.size(), 7u);
  EXPECT_EQ(got.ended, 7u);
  EXPECT_EQ(got.entries[0].type, TarType::kDirectory);
  const TarEntry& file = got.entries[1];
  EXPECT_EQ(file.type, TarType::kFile);
  EXPECT_EQ(file.path, "etc/passwd");
  EXPECT_EQ(file.mode, 04755u);
  EXPECT_EQ(file.uid, 7u);
  EXPECT_EQ(file.gid, 8u);
  EXPECT_EQ(file.size, 4u);
  EXPECT_EQ(file.mtime_seconds, 1234);
  EXPECT_EQ(got.contents[1], "root");
  EXPECT_EQ(got.entries[2].link_target, "usr/bin");
  EXPECT_EQ(got.entries[3].type, TarType::kHardLink);
  EXPECT_EQ(got.entries[4].type, TarType::kCharacter);
  EXPECT_EQ(got.entries[4].device_minor, 3u);
  EXPECT_EQ(got.entries[5].type, TarType::kBlock);
  EXPECT_EQ(got.entries[6].type, TarType::kFifo);
}

TEST(TarReader, GivesTheSameForPiecesOfAnySize) {
  Bytes tar = TarBuilder()
                  .Pax({{"path", std::string(300, 'p')}, {"mtime", "5.25"}})
                  .File("short", std::string(1000, 'x'))
                  .GnuLong('L', std::string(200, 'g'))
                  .File("short", std::string(512, 'y'))
                  .File("empty", "")
                  .Finish();
  for (size_t piece : {1, 7, 511, 512, 513, 4096}) {
    Recorder got;
    ASSERT_TRUE(Read(tar, &got, {}, piece).ok()) << piece;
    ASSERT_EQ(got.entries.size(), 3u);
    EXPECT_EQ(got.entries[0].path, std::string(300, 'p'));
    EXPECT_EQ(got.entries[0].mtime_nanoseconds, 250'000'000u);
    EXPECT_EQ(got.contents[0], std::string(1000, 'x'));
    EXPECT_EQ(got.entries[1].path, std::string(200, 'g'));
    EXPECT_EQ(got.entries[1].mtime_nanoseconds, 0u);
    EXPECT_EQ(got.contents[1].size(), 512u);
    EXPECT_EQ(got.entries[2].path, "empty");
  }
}

TEST(TarReader, JoinsPrefixAndNameOfUstar) {
  Bytes header = MakeHeader({.path = "name"});
  const std::string_view prefix = "a/long/prefix";
  std::copy(prefix.begin(), prefix.end(), header.begin() + 345);
  testing::FixChecksum(&header);
  Recorder got;
  ASSERT_TRUE(Read(TarBuilder().Raw(header).Finish(), &got).ok());
  EXPECT_EQ(got.entries[0].path, "a/long/prefix/name");
}

TEST(TarReader, TakesBase256Numbers) {
  Bytes header = MakeHeader({.path = "big"});
  // GNU's form of user 5,000,000 and of a time before 1970.
  const Bytes uid = {0x80, 0, 0, 0, 0, 0x4c, 0x4b, 0x40};
  std::copy(uid.begin(), uid.end(), header.begin() + 108);
  std::fill_n(header.begin() + 136, 12, 0xff);
  testing::FixChecksum(&header);
  Recorder got;
  ASSERT_TRUE(Read(TarBuilder().Raw(header).Finish(), &got).ok());
  EXPECT_EQ(got.entries[0].uid, 5'000'000u);
  EXPECT_EQ(got.entries[0].mtime_seconds, -1);
}

TEST(TarReader, PaxWinsOverLongNameAndHeader) {
  Bytes tar = TarBuilder()
                  .GnuLong('L', "gnu")
                  .GnuLong('K', "gnu-target")
                  .Pax({{"path", "pax"}, {"uid", "70000"}, {"SCHILY.xattr.user.k", "v\n="}})
                  .Symlink("header", "target")
                  .Finish();
  Recorder got;
  ASSERT_TRUE(Read(tar, &got).ok());
  ASSERT_EQ(got.entries.size(), 1u);
  EXPECT_EQ(got.entries[0].path, "pax");
  EXPECT_EQ(got.entries[0].link_target, "gnu-target");
  EXPECT_EQ(got.entries[0].uid, 70000u);
  EXPECT_THAT(got.entries[0].xattrs, ElementsAre(::testing::Pair("user.k", "v\n=")));
}

TEST(TarReader, AcceptsAMissingEndMarkAndBytesAfterIt) {
  Recorder got;
  EXPECT_TRUE(Read(TarBuilder().File("a", "b").bytes(), &got).ok());
  Bytes tar = TarBuilder().File("a", "b").Finish();
  tar.insert(tar.end(), 3000, 0x55);
  EXPECT_TRUE(Read(tar, &got).ok());
  EXPECT_TRUE(Read({}, &got).ok());
}

TEST(TarReader, GlobalHeaderMayOnlyComment) {
  Recorder got;
  EXPECT_TRUE(Read(TarBuilder().Pax({{"comment", "x"}}, 'g').File("a", "").Finish(), &got).ok());
  EXPECT_THAT(ErrorOf(TarBuilder().Pax({{"path", "x"}}, 'g').File("a", "").Finish()),
              HasSubstr("global pax header"));
}

TEST(TarReader, RefusesAWrongChecksum) {
  Bytes tar = TarBuilder().File("a", "b").Finish();
  tar[0] = 'z';
  EXPECT_THAT(ErrorOf(tar), HasSubstr("wrong checksum"));
}

TEST(TarReader, RefusesWhatItCannotUnpack) {
  for (char type : {'M', 'D', 'V', 'Z', '\x01'}) {
    EXPECT_THAT(ErrorOf(TarBuilder().Add({.path = "a", .type = type}).Finish()),
                HasSubstr("is not supported"))
        << type;
  }
  EXPECT_THAT(ErrorOf(TarBuilder().Pax({{"GNU.sparse.major", "2"}}).File("a", "").Finish()),
              HasSubstr("newer than 1.0"));
}

TEST(TarReader, RefusesAnEndInsideAMember) {
  Bytes tar = TarBuilder().File("a", std::string(600, 'x')).Finish();
  for (size_t size : {1, 511, 513, 512 + 599}) {
    EXPECT_THAT(ErrorOf(ByteView(tar).first(size)), HasSubstr("ends inside a member")) << size;
  }
  // Padding is nothing of the member's.
  for (size_t size : {512 + 600, 512 + 601, 512 + 1023, 512 + 1024}) {
    Recorder got;
    EXPECT_TRUE(Read(ByteView(tar).first(size), &got).ok()) << size;
  }
  const Bytes pax = TarBuilder().Pax({{"path", "x"}}).bytes();
  EXPECT_THAT(ErrorOf(ByteView(pax).first(600)), HasSubstr("ends inside"));
  EXPECT_THAT(ErrorOf(TarBuilder().Pax({{"path", "x"}}).bytes()), HasSubstr("ends inside"));
}

TEST(TarReader, RefusesLoneZeroBlockAndHeadersOfNothing) {
  Bytes zero(512);
  EXPECT_THAT(ErrorOf(TarBuilder().Raw(zero).File("a", "").Finish()), HasSubstr("lone zero"));
  EXPECT_THAT(ErrorOf(TarBuilder().Pax({{"path", "x"}}).Finish()), HasSubstr("no member after"));
  EXPECT_THAT(ErrorOf(TarBuilder().Pax({{"uid", "1"}}).Pax({{"uid", "2"}}).Finish()),
              HasSubstr("two pax headers"));
  EXPECT_THAT(ErrorOf(TarBuilder().GnuLong('L', "a").GnuLong('L', "b").Finish()),
              HasSubstr("two long names"));
}

TEST(TarReader, RefusesBadNumbers) {
  EXPECT_THAT(ErrorOf(TarBuilder().Add({.path = "a", .size_field = "0000000008x"}).Finish()),
              HasSubstr("size is not a number"));
  // Base 256: negative, and more than 64 bits.
  EXPECT_THAT(
      ErrorOf(TarBuilder().Add({.path = "a", .size_field = std::string(12, '\xff')}).Finish()),
      HasSubstr("size is not a number"));
  const std::string huge = "\x80\x01" + std::string(10, '\0');
  EXPECT_THAT(ErrorOf(TarBuilder().Add({.path = "a", .size_field = huge}).Finish()),
              HasSubstr("size is not a number"));
  EXPECT_THAT(ErrorOf(TarBuilder().Pax({{"uid", "4294967295"}}).File("a", "").Finish()),
              HasSubstr("user id 4294967295 is too large"));
  Recorder got;
  EXPECT_TRUE(Read(TarBuilder().Pax({{"uid", "4294967294"}}).File("a", "").Finish(), &got).ok());
}

TEST(TarReader, BoundsExtendedHeaders) {
  Limits limits;
  limits.max_extended_header = 100;
  auto tar = [](size_t size) { return TarBuilder().GnuLong('L', std::string(size - 1, 'n')); };
  Recorder got;
  EXPECT_TRUE(Read(tar(99).File("a", "").Finish(), &got, limits).ok());
  EXPECT_TRUE(Read(tar(100).File("a", "").Finish(), &got, limits).ok());
  EXPECT_THAT(ErrorOf(tar(101).File("a", "").Finish(), limits), HasSubstr("101 bytes"));
}

TEST(TarReader, TakesNothingAfterAnError) {
  Recorder got;
  Limits limits;
  TarReader reader(&got, limits);
  EXPECT_FALSE(reader.Write(Bytes(512, 'x')).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(reader.Write(Bytes(512))));
  EXPECT_TRUE(absl::IsFailedPrecondition(reader.Finish()));
}

TEST(PaxRecords, ReadsTimes) {
  struct Case {
    const char* text;
    int64_t seconds;
    uint32_t nanoseconds;
  };
  for (const Case& c : {Case{"0", 0, 0},
                        {"1700000000.123456789", 1700000000, 123456789},
                        {"1.0000000019", 1, 1},
                        {"-1.25", -2, 750'000'000},
                        {"-0.5", -1, 500'000'000},
                        {"-3", -3, 0},
                        {"7.", 7, 0}}) {
    auto body = StrCat(std::strlen(c.text) + 10, " mtime=", c.text, "\n");
    body = StrCat(body.size(), body.substr(body.find(' ')));
    auto records = ParsePaxRecords(AsBytes(body), {});
    ASSERT_TRUE(records.ok()) << c.text << records.status();
    EXPECT_EQ(records->mtime_seconds, c.seconds) << c.text;
    EXPECT_EQ(records->mtime_nanoseconds, c.nanoseconds) << c.text;
  }
}

TEST(PaxRecords, RefusesMalformedOnes) {
  for (const char* body :
       {"x", "9 a=b\n", "99 path=a\n", "0 path=a\n", "10 path=a\nz", "7 path\n", "6 =abc\n",
        "-8 path=\n", "11 path=abc", "12 uid=zz12\n", "14 mtime=1.2x\n", " 8 uid=1\n"}) {
    EXPECT_FALSE(ParsePaxRecords(AsBytes(body), {}).ok()) << body;
  }
  EXPECT_FALSE(ParsePaxRecords(AsBytes(std::string_view("11 path=a\0b\n", 12)), {}).ok());
}

TEST(PaxRecords, BoundsExtendedAttributes) {
  Limits limits;
  limits.max_xattrs = 2;
  limits.max_xattr_size = 4;
  auto parse = [&](const std::vector<std::pair<std::string, std::string>>& records) {
    Bytes tar = TarBuilder().Pax(records).bytes();
    const size_t size = std::stoul(std::string(AsText(ByteView(tar).subspan(124, 11))), nullptr, 8);
    return ParsePaxRecords(ByteView(tar).subspan(512, size), limits).status();
  };
  EXPECT_TRUE(parse({{"SCHILY.xattr.a", "1234"}, {"SCHILY.xattr.b", ""}}).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(parse({{"SCHILY.xattr.a", "12345"}})));
  EXPECT_TRUE(absl::IsResourceExhausted(
      parse({{"SCHILY.xattr.a", ""}, {"SCHILY.xattr.b", ""}, {"SCHILY.xattr.c", ""}})));
  EXPECT_FALSE(parse({{"SCHILY.xattr.", "1"}}).ok());
}

}  // namespace
}  // namespace nacre::image
