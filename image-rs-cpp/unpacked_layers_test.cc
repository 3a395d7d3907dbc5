// Layers that a cache keeps unpacked: whatever it gives, the image is the same, and an encrypted
// layer is never asked for so.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <optional>

#include "base/file.h"
#include "base/status_testing.h"
#include "image-rs-cpp/decrypt/layer_keys.h"
#include "image-rs-cpp/layer_fetcher.h"
#include "image-rs-cpp/testing/key_table.h"
#include "image-rs-cpp/testing/tar_builder.h"
#include "image-rs-cpp/testing/test_image.h"

namespace nacre::image {
namespace {

using ::testing::AllOf;
using testing::EncryptionKey;
using ::testing::HasSubstr;
using testing::KeyTable;
using testing::TarBuilder;
using testing::TestImage;

const Bytes kTar = TarBuilder().File("a", std::string(50'000, 'a')).File("folder/b", "b").Finish();
const Bytes kOtherTar = TarBuilder().File("evil", std::string(60'000, 'e')).Finish();

// Blobs by digest, and what they unpack to.
class Source : public BlobSource {
 public:
  using Unpacked = std::function<absl::Status(const OnBytes&)>;
  explicit Source(const TestImage& image) : blobs(image.blobs) {}
  std::string_view name() const override { return "source"; }
  absl::Status Read(const ImageReference&, const Descriptor& blob, uint64_t offset,
                    const OnBytes& on_bytes) override {
    ++reads;
    const auto found = blobs.find(blob.digest.text());
    if (found == blobs.end()) return absl::NotFoundError("source: no such blob");
    return on_bytes(AsBytes(found->second).subspan(offset));
  }
  absl::Status ReadUnpacked(const ImageReference& image, const Descriptor& blob,
                            const OnBytes& on_bytes) override {
    ++unpacked_reads;
    if (!unpacked) return BlobSource::ReadUnpacked(image, blob, on_bytes);
    return unpacked(on_bytes);
  }

  std::map<std::string, std::string> blobs;
  Unpacked unpacked;
  std::atomic<int> reads = 0, unpacked_reads = 0;
};

Source::Unpacked Gives(ByteView bytes) {
  return [content = ToBytes(AsText(bytes))](const BlobSource::OnBytes& on_bytes) {
    for (ByteView rest = content; !rest.empty();) {
      const size_t size = std::min<size_t>(rest.size(), 10'000);
      RETURN_IF_ERROR(on_bytes(rest.first(size)));
      rest = rest.subspan(size);
    }
    return absl::OkStatus();
  };
}

class UnpackedLayersTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: changes owners";
    ASSERT_OK_AND_ASSIGN(folder_, TemporaryDirectory::Create("unpacked"));
    limits_.retry_delay_ms = 1;
  }
  // An image of one layer with kTar.
  void Use(Compression compression, bool encrypted = false) {
    TestImage image;
    if (encrypted) {
      image.AddEncryptedLayer(kTar, EncryptionKey(), compression);
    } else {
      image.AddLayer(kTar, compression);
    }
    image.Seal();
    ASSERT_OK_AND_ASSIGN(const Manifest manifest, ParseManifest(image.manifest.dump(), limits_));
    layers_ = manifest.layers;
    KeyTable keys({{EncryptionKey().key_id, EncryptionKey().kek}});
    ASSERT_OK_AND_ASSIGN(keys_, UnwrapLayerKeys(layers_, {&keys, {}}));
    cache_.emplace(image);
    registry_.emplace(image);
  }
  absl::Status Fetch() {
    ASSIGN_OR_RETURN(const ImageReference reference, ParseImageReference("r.example/app:1"));
    ASSIGN_OR_RETURN(store_, LayerStore::Create(folder_->path(), {}));
    const std::vector<BlobDigest> diff_ids = {BlobDigest::OfSha256(kTar)};
    ASSIGN_OR_RETURN(const auto layers,
                     FetchLayers({&reference, &layers_, &diff_ids, &keys_}, limits_,
                                 {&*cache_, &*registry_}, store_.get()));
    const std::string& path = layers[0]->path;
    EXPECT_EQ(ReadTextFile(path + "/a", 1 << 20).value_or("?"), std::string(50'000, 'a'));
    EXPECT_EQ(ReadTextFile(path + "/folder/b", 10).value_or("?"), "b");
    EXPECT_FALSE(PathExists(path + "/evil"));
    EXPECT_EQ(layers[0]->facts.entries, 2u);
    EXPECT_TRUE(std::filesystem::is_empty(folder_->path() + "/staging"));
    return absl::OkStatus();
  }

  Limits limits_;
  std::optional<TemporaryDirectory> folder_;
  std::unique_ptr<LayerStore> store_;
  std::vector<Descriptor> layers_;
  std::vector<std::optional<LayerKey>> keys_;
  std::optional<Source> cache_, registry_;
};

TEST_F(UnpackedLayersTest, NoBlobIsReadThen) {
  for (const Compression compression : {Compression::kGzip, Compression::kZstd}) {
    Use(compression);
    cache_->unpacked = Gives(kTar);
    EXPECT_OK(Fetch());
    EXPECT_EQ(cache_->reads + registry_->reads, 0);
    EXPECT_EQ(registry_->unpacked_reads, 0);
  }
}

TEST_F(UnpackedLayersTest, ACacheThatLiesLeavesItToTheRegistryAlone) {
  Use(Compression::kGzip);
  Bytes flipped = kTar, longer = kTar;
  flipped[600] ^= 1;
  longer.resize(longer.size() + 512);
  const std::vector<std::pair<const char*, Bytes>> lies = {
      {"a flipped bit", flipped},
      {"too short", Bytes(kTar.begin(), kTar.begin() + 40'000)},
      {"short by its end mark", Bytes(kTar.begin(), kTar.end() - 1024)},
      {"too long", longer},
      {"another layer", kOtherTar},
      {"no tar", Bytes(10'000, 'x')},
      {"nothing", {}}};
  for (const auto& [what, lie] : lies) {
    SCOPED_TRACE(what);
    Use(Compression::kGzip);
    cache_->unpacked = Gives(lie);
    EXPECT_OK(Fetch());
    EXPECT_EQ(cache_->reads, 0);
    EXPECT_EQ(registry_->reads, 1);
  }
}

TEST_F(UnpackedLayersTest, ACacheThatBreaksOffIsAskedForTheBlob) {
  for (const auto code :
       {absl::StatusCode::kUnavailable, absl::StatusCode::kNotFound, absl::StatusCode::kInternal}) {
    for (const size_t size : {size_t{0}, size_t{1}, size_t{511}, size_t{40'000}, kTar.size()}) {
      Use(Compression::kGzip);
      // What has come so far may be anything.
      for (const Bytes& tar : {kTar, kOtherTar}) {
        cache_->unpacked = [&, code, size](const BlobSource::OnBytes& on_bytes) -> absl::Status {
          RETURN_IF_ERROR(Gives(ByteView(tar).first(std::min(size, tar.size())))(on_bytes));
          return absl::Status(code, "broke off");
        };
        cache_->reads = 0;
        EXPECT_OK(Fetch()) << size;
        EXPECT_EQ(cache_->reads, 1);
        EXPECT_EQ(registry_->reads, 0);
      }
    }
  }
}

TEST_F(UnpackedLayersTest, WithNeitherFormInTheCacheTheRegistryIsLeft) {
  Use(Compression::kGzip);
  cache_->blobs.clear();
  EXPECT_OK(Fetch());
  EXPECT_EQ(cache_->unpacked_reads, 1);
  EXPECT_EQ(registry_->reads, 1);
}

TEST_F(UnpackedLayersTest, OfAnEncryptedLayerTheCacheIsNotAskedWhatItUnpacksTo) {
  for (const Compression compression :
       {Compression::kNone, Compression::kGzip, Compression::kZstd}) {
    Use(compression, true);
    cache_->unpacked = Gives(kTar);
    EXPECT_OK(Fetch());
    EXPECT_EQ(cache_->unpacked_reads, 0);
    EXPECT_EQ(cache_->reads, 1);
  }
}

TEST_F(UnpackedLayersTest, ATarThatIsNotCompressedIsTheBlob) {
  Use(Compression::kNone);
  cache_->unpacked = Gives(kTar);
  EXPECT_OK(Fetch());
  EXPECT_EQ(cache_->unpacked_reads, 0);
}

TEST_F(UnpackedLayersTest, TheErrorTellsOfBoth) {
  Use(Compression::kGzip);
  cache_->unpacked = Gives(kOtherTar);
  registry_->blobs.clear();
  EXPECT_THAT(std::string(Message(Fetch())),
              AllOf(HasSubstr("source: no such blob"), HasSubstr("once before"),
                    HasSubstr("unpacked (diffID): digest is")));
}

TEST_F(UnpackedLayersTest, AnEndlessTarEndsAtTheRatio) {
  Use(Compression::kGzip);
  limits_.unpack_ratio_from = 1 << 20;
  limits_.max_unpack_ratio = 2;
  const Bytes member = TarBuilder().File("evil", std::string(100'000, 'e')).Finish();
  uint64_t given = 0;
  cache_->unpacked = [&](const BlobSource::OnBytes& on_bytes) -> absl::Status {
    for (;;) {
      RETURN_IF_ERROR(on_bytes(ByteView(member).first(member.size() - 1024)));
      given += member.size() - 1024;
    }
  };
  EXPECT_OK(Fetch());
  EXPECT_LE(given, uint64_t{1} << 20);
  EXPECT_EQ(registry_->reads, 1);
}

// What a refused tar drew from the limits of the pull is there again for the blob.
TEST_F(UnpackedLayersTest, ALieCostsNothingOfTheLimits) {
  Use(Compression::kGzip);
  limits_.max_unpacked_size = kTar.size();
  limits_.max_entries = 3;
  cache_->unpacked = Gives(ByteView(kTar).first(kTar.size() - 512));
  EXPECT_OK(Fetch());
}

}  // namespace
}  // namespace nacre::image
