#include "image-rs-cpp/unpack/layer_pipeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <random>

#include "base/file.h"
#include "base/strings.h"
#include "image-rs-cpp/decrypt/annotation_packet.h"
#include "image-rs-cpp/decrypt/layer_keys.h"
#include "image-rs-cpp/testing/key_table.h"
#include "image-rs-cpp/testing/tar_builder.h"
#include "image-rs-cpp/testing/test_image.h"
#include "image-rs-cpp/unpack/folder_tree.h"

namespace nacre::image {
namespace {

using testing::EncryptionKey;
using ::testing::HasSubstr;
using testing::KeyTable;
using testing::TarBuilder;
using testing::TestImage;

// One layer of an image, its key, and what is sent for it.
class LayerPipelineTest : public ::testing::TestWithParam<std::tuple<Compression, bool>> {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: changes owners";
    auto made = TemporaryDirectory::Create("pipeline");
    ASSERT_TRUE(made.ok());
    folder_.emplace(*std::move(made));
    Make(TarBuilder().File("a", std::string(50'000, 'a')).File("b", "b").Finish());
  }

  void Make(const Bytes& tar) {
    const auto [compression, encrypted] = GetParam();
    TestImage image;
    if (encrypted) {
      image.AddEncryptedLayer(tar, EncryptionKey(), compression);
    } else {
      image.AddLayer(tar, compression);
    }
    image.Seal();
    auto manifest = ParseManifest(image.manifest.dump(), limits_);
    ASSERT_TRUE(manifest.ok()) << manifest.status();
    layer_.emplace(manifest->layers[0]);
    diff_id_.emplace(BlobDigest::OfSha256(tar));
    blob_ = ToBytes(image.blobs.at(layer_->digest.text()));
    KeyTable keys({{EncryptionKey().key_id, EncryptionKey().kek}});
    auto unwrapped = UnwrapLayerKeys(manifest->layers, {&keys, {}});
    ASSERT_TRUE(unwrapped.ok()) << unwrapped.status();
    key_ = std::move((*unwrapped)[0]);
  }

  absl::Status Run(ByteView data, size_t piece = 10'000) {
    UnpackBudget budget(limits_);
    absl::Status status = RunWith(data, piece, &budget);
    // A failed layer gives back what it drew; a good one keeps it.
    const uint64_t bytes = limits_.max_unpacked_size;
    EXPECT_EQ(budget.DrawBytes(bytes).ok(), !status.ok());
    return status;
  }

  absl::Status RunWith(ByteView data, size_t piece, UnpackBudget* budget) {
    const std::string target = StrCat(folder_->path(), "/", ++runs_);
    RETURN_IF_ERROR(MakeDirectories(target));
    ASSIGN_OR_RETURN(auto tree, FolderTree::Create(target));
    ASSIGN_OR_RETURN(auto pipeline,
                     LayerPipeline::Create({&*layer_, &*diff_id_, key_ ? &*key_ : nullptr,
                                            tree.get(), &limits_, budget}));
    while (!data.empty()) {
      const size_t count = std::min(piece, data.size());
      RETURN_IF_ERROR(pipeline->Write(data.first(count)));
      data = data.subspan(count);
    }
    RETURN_IF_ERROR(pipeline->Finish().status());
    EXPECT_EQ(ReadTextFile(target + "/b", 10).value_or("?"), "b");
    return absl::OkStatus();
  }

  Limits limits_;
  std::optional<TemporaryDirectory> folder_;
  std::optional<Descriptor> layer_;
  std::optional<BlobDigest> diff_id_;
  std::optional<LayerKey> key_;
  Bytes blob_;
  int runs_ = 0;
};

TEST_P(LayerPipelineTest, UnpacksInPiecesOfAnySize) {
  for (size_t piece : {1, 100, 1 << 20}) {
    absl::Status status = Run(blob_, piece);
    EXPECT_TRUE(status.ok()) << status;
  }
}

TEST_P(LayerPipelineTest, RefusesACutOrLengthenedBlob) {
  absl::Status status = Run(ByteView(blob_).first(blob_.size() - 1));
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(std::string(Message(status)), HasSubstr(layer_->digest.text()));
  EXPECT_TRUE(absl::IsDataLoss(Run({})));
  Bytes longer = blob_;
  longer.push_back(0);
  EXPECT_TRUE(absl::IsDataLoss(Run(longer)));
}

TEST_P(LayerPipelineTest, RefusesEveryFlippedByte) {
  const size_t step = std::max<size_t>(1, blob_.size() / 40);
  for (size_t i = 0; i < blob_.size(); i += step) {
    Bytes changed = blob_;
    changed[i] ^= 0x40;
    absl::Status status = Run(changed);
    EXPECT_TRUE(absl::IsDataLoss(status)) << i << ": " << status;
    EXPECT_THAT(std::string(Message(status)), HasSubstr("digest")) << i;
  }
}

TEST_P(LayerPipelineTest, RefusesAnotherDiffId) {
  diff_id_ = BlobDigest::OfSha256(AsBytes("other"));
  absl::Status status = Run(blob_);
  EXPECT_TRUE(absl::IsDataLoss(status));
  EXPECT_THAT(std::string(Message(status)), HasSubstr("diffID"));
}

TEST_P(LayerPipelineTest, RefusesAnotherDigest) {
  layer_->digest = BlobDigest::OfSha256(AsBytes("other"));
  EXPECT_TRUE(absl::IsDataLoss(Run(blob_)));
}

TEST_P(LayerPipelineTest, BoundsUnpackedBytes) {
  const uint64_t size = 512 + 50'176 + 512 + 512 + 1024;
  limits_.max_unpacked_size = size;
  EXPECT_TRUE(Run(blob_).ok());
  limits_.max_unpacked_size = size - 1;
  absl::Status status = Run(blob_);
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_THAT(std::string(Message(status)), HasSubstr("unpack to more bytes"));
}

// The stream is cut short then, which is not what is wrong with it.
TEST_P(LayerPipelineTest, ALimitMetHalfwayIsTheReasonGiven) {
  std::minstd_rand random(1);
  std::string noise(4 << 20, ' ');
  for (char& c : noise) c = static_cast<char>(random());
  Make(TarBuilder().File("a", noise).Finish());
  limits_.max_unpacked_size = 64 << 10;
  for (int round = 0; round < 20; ++round) {
    const absl::Status status = Run(blob_, 20'000);
    ASSERT_TRUE(absl::IsResourceExhausted(status)) << status;
    EXPECT_THAT(std::string(Message(status)), HasSubstr("unpack to more bytes"));
  }
}

TEST_P(LayerPipelineTest, BoundsTheRatio) {
  limits_.unpack_ratio_from = 1000;
  limits_.max_unpack_ratio = 1;
  const bool compressed = std::get<0>(GetParam()) != Compression::kNone;
  absl::Status status = Run(blob_);
  EXPECT_EQ(absl::IsResourceExhausted(status), compressed) << status;
  if (compressed) {
    EXPECT_THAT(std::string(Message(status)), HasSubstr("unpack to more than"));
  }
  limits_.unpack_ratio_from = 1 << 20;
  EXPECT_TRUE(Run(blob_).ok());
}

TEST_P(LayerPipelineTest, WantsAKeyExactlyForEncryptedLayers) {
  if (key_) {
    key_.reset();
  } else {
    key_.emplace();
  }
  EXPECT_TRUE(absl::IsInvalidArgument(Run(blob_)));
}

// The manifest is not what protects an encrypted layer: with digests made to fit, the HMAC is left.
class EncryptedLayerTest : public LayerPipelineTest {};

TEST_P(EncryptedLayerTest, TheHmacStandsAlone) {
  Bytes changed = blob_;
  changed.back() ^= 1;
  layer_->digest = BlobDigest::OfSha256(changed);
  // The flipped bit may also break the compressed stream; the HMAC is what is wrong.
  EXPECT_TRUE(absl::IsUnauthenticated(Run(changed)));
  key_->hmac[0] ^= 1;
  layer_->digest = BlobDigest::OfSha256(blob_);
  absl::Status status = Run(blob_);
  EXPECT_TRUE(absl::IsUnauthenticated(status)) << status;
}

INSTANTIATE_TEST_SUITE_P(Kinds, LayerPipelineTest,
                         ::testing::Combine(::testing::Values(Compression::kNone,
                                                              Compression::kGzip,
                                                              Compression::kZstd),
                                            ::testing::Bool()));

INSTANTIATE_TEST_SUITE_P(Kinds, EncryptedLayerTest,
                         ::testing::Combine(::testing::Values(Compression::kNone,
                                                              Compression::kGzip,
                                                              Compression::kZstd),
                                            ::testing::Values(true)));

}  // namespace
}  // namespace nacre::image
