#include "tee/common/initdata.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include "base/encoding.h"
#include "base/strings.h"

namespace nacre::tee {
namespace {

constexpr std::string_view kDocument =
    "version = \"0.1.0\"\nalgorithm = \"sha256\"\n[data]\n\"a.toml\" = '''\nx = 1\n'''\n";

// A gzip member of `size` equal bytes: small on the wire, large when inflated.
Bytes GzipOf(size_t size) {
  const Bytes plain(size, 'a');
  z_stream stream = {};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 31, 9, Z_DEFAULT_STRATEGY), Z_OK);
  Bytes out(deflateBound(&stream, size));
  stream.next_in = const_cast<Bytef*>(plain.data());
  stream.avail_in = size;
  stream.next_out = out.data();
  stream.avail_out = out.size();
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

Bytes DiskOf(ByteView member) {
  return ByteWriter().Put("initdata").U64Le(member.size()).Put(member).Release();
}

TEST(Initdata, ParsesTheDocument) {
  const auto initdata = ParseInitdata(kDocument);
  ASSERT_TRUE(initdata.ok()) << initdata.status();
  EXPECT_EQ(initdata->algorithm, crypto::HashAlgorithm::kSha256);
  EXPECT_EQ(initdata->data, (InitdataEntries{{"a.toml", "x = 1\n"}}));
}

TEST(Initdata, RefusesEveryDeviation) {
  for (const std::string_view bad : {
           "",
           "version = \"0.1.0\"\nalgorithm = \"sha256\"\n",
           "version = \"0.2.0\"\nalgorithm = \"sha256\"\n[data]\n",
           "version = 1\nalgorithm = \"sha256\"\n[data]\n",
           "version = \"0.1.0\"\nalgorithm = \"SHA256\"\n[data]\n",
           "version = \"0.1.0\"\nalgorithm = \"sha-256\"\n[data]\n",
           "version = \"0.1.0\"\nalgorithm = \"md5\"\n[data]\n",
           "version = \"0.1.0\"\nalgorithm = \"sha256\"\nextra = 1\n[data]\n",
           "version = \"0.1.0\"\nalgorithm = \"sha256\"\n[data]\na = 1\n",
           "version = \"0.1.0\"\nalgorithm = \"sha256\"\n[data]\na = \"x\"\na = \"y\"\n",
           "version = \"0.1.0\"\nalgorithm = \"sha256\"\ndata = \"x\"\n",
       }) {
    EXPECT_FALSE(ParseInitdata(bad).ok()) << bad;
  }
}

TEST(Initdata, FormatsWhatItParses) {
  const std::string hostile = "quotes ''' \"\"\" \\ tab\t cr\r\n nul-free \x01 \x7f";
  for (const std::string& value : {std::string("plain\n"), std::string(""), std::string("\n\nx"),
                                   std::string("ends with '"), hostile, std::string("\u00e4")}) {
    const Initdata initdata{crypto::HashAlgorithm::kSha384, {{"policy.rego", value}, {"b c", "1"}}};
    const auto text = FormatInitdata(initdata);
    ASSERT_TRUE(text.ok()) << text.status() << value;
    const auto again = ParseInitdata(*text);
    ASSERT_TRUE(again.ok()) << again.status() << *text;
    EXPECT_EQ(again->data, initdata.data);
    EXPECT_EQ(again->algorithm, initdata.algorithm);
    EXPECT_EQ(*FormatInitdata(initdata), *text);
  }
}

TEST(Initdata, FormatRefusesWhatIsNotText) {
  EXPECT_FALSE(FormatInitdata({crypto::HashAlgorithm::kSha256, {{"a", "\xff\xfe"}}}).ok());
}

TEST(Initdata, DigestIsOfTheExactBytes) {
  const auto one = InitdataDigest(kDocument);
  const auto two = InitdataDigest(StrCat(kDocument, "# a comment\n"));
  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_EQ(*one, crypto::Digest(crypto::HashAlgorithm::kSha256, AsBytes(kDocument)));
  EXPECT_NE(*one, *two);
}

TEST(Initdata, DigestIsCutOrPaddedToTheField) {
  const Bytes digest(32, 0xab);
  const Bytes longer(64, 0xcd);
  EXPECT_EQ(ToBytes(InitdataHostData(digest)), digest);
  EXPECT_EQ(ToBytes(InitdataHostData(longer)), Bytes(32, 0xcd));
  Bytes padded(48, 0);
  std::copy(digest.begin(), digest.end(), padded.begin());
  EXPECT_EQ(ToBytes(InitdataMrConfigId(digest)), padded);
}

TEST(InitdataImage, RoundTripsAndIsDeterministic) {
  const auto disk = EncodeInitdataImage(kDocument);
  ASSERT_TRUE(disk.ok()) << disk.status();
  EXPECT_EQ(disk->size() % 512, 0u);
  EXPECT_EQ(*disk, *EncodeInitdataImage(kDocument));
  EXPECT_EQ(*DecodeInitdataImage(*disk), kDocument);
  Bytes larger = *disk;
  larger.resize(larger.size() + 4096, 0x77);
  EXPECT_EQ(*DecodeInitdataImage(larger), kDocument);
}

TEST(InitdataImage, NoneIsToldApartFromDamage) {
  EXPECT_EQ(DecodeInitdataImage(NoInitdataImage()).status().code(), absl::StatusCode::kNotFound);
}

TEST(InitdataImage, RefusesDamage) {
  const Bytes good = *EncodeInitdataImage(kDocument);
  Bytes magic = good;
  magic[0] = 'I';
  EXPECT_FALSE(DecodeInitdataImage(magic).ok());
  Bytes cut(good.begin(), good.begin() + 40);
  EXPECT_FALSE(DecodeInitdataImage(cut).ok());
  for (size_t size = 0; size < 20; ++size)
    EXPECT_FALSE(DecodeInitdataImage(ByteView(good).first(size)).ok()) << size;
  Bytes crc = good;
  const uint64_t member = ByteReader(ByteView(good).subspan(8)).U64Le("size").value();
  crc[16 + member - 8] ^= 1;
  EXPECT_FALSE(DecodeInitdataImage(crc).ok());
}

TEST(InitdataImage, LengthFieldIsCapped) {
  for (const uint64_t size : {uint64_t{kMaxInitdataCompressed} + 1, UINT64_MAX}) {
    const Bytes disk = ByteWriter().Put("initdata").U64Le(size).Zeros(496).Release();
    EXPECT_EQ(DecodeInitdataImage(disk).status().code(), absl::StatusCode::kResourceExhausted);
  }
  const Bytes at_cap =
      ByteWriter().Put("initdata").U64Le(kMaxInitdataCompressed).Zeros(496).Release();
  EXPECT_EQ(DecodeInitdataImage(at_cap).status().code(), absl::StatusCode::kOutOfRange);
}

TEST(InitdataImage, DocumentIsCappedBelowAtAndAbove) {
  EXPECT_TRUE(DecodeInitdataImage(DiskOf(GzipOf(kMaxInitdataDocument - 1))).ok());
  const auto at_cap = DecodeInitdataImage(DiskOf(GzipOf(kMaxInitdataDocument)));
  ASSERT_TRUE(at_cap.ok()) << at_cap.status();
  EXPECT_EQ(at_cap->size(), kMaxInitdataDocument);
  EXPECT_EQ(DecodeInitdataImage(DiskOf(GzipOf(kMaxInitdataDocument + 1))).status().code(),
            absl::StatusCode::kResourceExhausted);
}

TEST(InitdataImage, BombStopsAtTheCap) {
  const Bytes bomb = GzipOf(64 << 20);
  ASSERT_LT(bomb.size(), kMaxInitdataCompressed);
  EXPECT_EQ(DecodeInitdataImage(DiskOf(bomb)).status().code(),
            absl::StatusCode::kResourceExhausted);
}

TEST(InitdataImage, RefusesBytesAfterTheMember) {
  Bytes member = GzipOf(10);
  member.push_back(0);
  EXPECT_FALSE(DecodeInitdataImage(DiskOf(member)).ok());
}

TEST(InitdataImage, EncoderHonoursTheCap) {
  EXPECT_FALSE(EncodeInitdataImage(std::string(kMaxInitdataDocument + 1, 'a')).ok());
}

TEST(InitdataAnnotation, RoundTrips) {
  const auto annotation = EncodeInitdataAnnotation(kDocument);
  ASSERT_TRUE(annotation.ok());
  EXPECT_EQ(*DecodeInitdataAnnotation(*annotation), kDocument);
}

TEST(InitdataAnnotation, RefusesWhatIsNotBase64OrNotGzip) {
  EXPECT_FALSE(DecodeInitdataAnnotation("").ok());
  EXPECT_FALSE(DecodeInitdataAnnotation("%%%%").ok());
  EXPECT_FALSE(DecodeInitdataAnnotation(Base64Encode(AsBytes("plain text"))).ok());
  EXPECT_EQ(DecodeInitdataAnnotation(std::string(kMaxInitdataCompressed * 2, 'A')).status().code(),
            absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace nacre::tee
