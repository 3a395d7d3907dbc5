// Whole pulls into volumes: nothing is mounted before every check of a layer has passed, and what a
// failed pull wrote is given back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "base/status_testing.h"
#include "base/strings.h"
#include "image-rs-cpp/image_puller.h"
#include "image-rs-cpp/testing/file_volumes.h"
#include "image-rs-cpp/testing/key_table.h"
#include "image-rs-cpp/testing/tar_builder.h"
#include "image-rs-cpp/testing/test_registry.h"

namespace nacre::image {
namespace {

using testing::EncryptionKey;
using ::testing::HasSubstr;
using testing::TarBuilder;
using testing::TestImage;

class VolumePullerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = testing::WhyNoVolumes(); !why.empty()) GTEST_SKIP() << why;
    folder_.emplace(*TemporaryDirectory::Create("volume_puller"));
    auto registry = testing::TestRegistry::Start();
    ASSERT_OK(registry.status());
    registry_ = *std::move(registry);
    Open(1 << 30);
  }
  void Open(uint64_t capacity) {
    puller_.reset();
    volumes_.emplace(StrCat(folder_->path(), "/volumes", runs_++), capacity);
    ImagePullerOptions options;
    options.work_dir = folder_->path() + "/image";
    options.store.volumes = &*volumes_;
    options.key_resolver = &keys_;
    options.registry.insecure_registries = {registry_->host()};
    options.trust = TrustPolicy::AcceptAnything();
    options.limits.retry_delay_ms = 1;
    auto puller = ImagePuller::Create(std::move(options));
    ASSERT_OK(puller.status());
    puller_ = *std::move(puller);
  }
  absl::StatusOr<PulledImage> Pull(const TestImage& image, const std::string& tag = "1") {
    registry_->Push(image, tag);
    return puller_->Pull(registry_->Reference(tag));
  }

  int runs_ = 0;
  std::optional<TemporaryDirectory> folder_;
  std::unique_ptr<testing::TestRegistry> registry_;
  testing::KeyTable keys_{{{EncryptionKey().key_id, EncryptionKey().kek}}};
  std::optional<testing::FileVolumes> volumes_;
  std::unique_ptr<ImagePuller> puller_;
};

TestImage SomeImage() {
  TestImage image;
  image.AddLayer(TarBuilder().Folder("d", 0711).File("d/a", "a").File("gone", "x").Finish())
      .AddEncryptedLayer(TarBuilder().File("d/b", "b").File(".wh.gone", "").Finish(), {})
      .AddEncryptedLayer(TarBuilder().HardLink("c", "d/a").Finish(), {}, Compression::kZstd);
  return image.Seal();
}

TEST_F(VolumePullerTest, PullsDecryptsAndMounts) {
  auto image = Pull(SomeImage());
  ASSERT_OK(image.status());
  EXPECT_EQ(volumes_->count(), 3u);
  const RootfsPlace place{folder_->path() + "/upper", folder_->path() + "/work",
                          folder_->path() + "/root"};
  ASSERT_OK(MountRootfs(*image, place));
  EXPECT_EQ(ReadTextFile(place.target + "/d/a", 10).value_or("?"), "a");
  EXPECT_EQ(ReadTextFile(place.target + "/d/b", 10).value_or("?"), "b");
  EXPECT_EQ(ReadTextFile(place.target + "/c", 10).value_or("?"), "a");
  EXPECT_FALSE(PathExists(place.target + "/gone"));
  EXPECT_OK(WriteFile(place.target + "/d/new", AsBytes("new")));
  EXPECT_EQ(ReadTextFile(place.upper + "/d/new", 10).value_or("?"), "new");
  EXPECT_OK(UnmountRootfs(place.target));
  // No second volume for layers that are there.
  auto again = Pull(SomeImage(), "2");
  ASSERT_OK(again.status());
  EXPECT_EQ(volumes_->count(), 3u);
}

TEST_F(VolumePullerTest, AWrongBlobIsNeverMounted) {
  for (const bool encrypted : {false, true}) {
    TestImage image;
    const Bytes tar = TarBuilder().File("f", std::string(100'000, 'f')).Finish();
    image.AddLayer(TarBuilder().File("good", "x").Finish());
    if (encrypted) {
      image.AddEncryptedLayer(tar, {}, Compression::kNone);
    } else {
      image.AddLayer(tar, Compression::kNone);
    }
    image.Seal();
    const std::string digest = image.manifest["layers"][1]["digest"].get<std::string>();
    image.blobs[digest].back() ^= 1;
    const absl::Status status = Pull(image).status();
    EXPECT_STATUS(status, kDataLoss, digest);
    EXPECT_THAT(std::string(Message(status)), HasSubstr(registry_->Reference("1")));
    EXPECT_LE(volumes_->count(), 1u);  // the good one
    EXPECT_FALSE(PathExists(StrCat(folder_->path(), "/volumes0/at/1")));
  }
}

TEST_F(VolumePullerTest, AnotherDiffIdIsNeverMounted) {
  TestImage image;
  image.AddLayer(TarBuilder().File("f", "f").Finish());
  image.config["rootfs"]["diff_ids"][0] = StrCat("sha256:", std::string(64, 'a'));
  EXPECT_STATUS(Pull(image.Seal()).status(), kDataLoss, "diffID");
  EXPECT_EQ(volumes_->count(), 0u);
  EXPECT_EQ(volumes_->used(), 0u);
  EXPECT_FALSE(PathExists(folder_->path() + "/volumes0/at/0"));
}

TEST_F(VolumePullerTest, AWrongKeyIsNeverMounted) {
  TestImage image;
  image.AddEncryptedLayer(TarBuilder().File("f", "f").Finish(), {.kek = Bytes(32, 1)});
  EXPECT_FALSE(Pull(image.Seal()).ok());
  EXPECT_EQ(volumes_->count(), 0u);
}

TEST_F(VolumePullerTest, SaysWhichLayerDoesNotFit) {
  const uint64_t capacity = 2 << 20;
  Open(capacity);
  TestImage small, big;
  const Bytes base = TarBuilder().File("base", "base").Finish();
  auto first = Pull(small.AddLayer(base).Seal(), "small");
  ASSERT_OK(first.status());
  big.AddLayer(base).AddLayer(TarBuilder().File("large/file", std::string(4 << 20, 'x')).Finish());
  const absl::Status status = Pull(big.Seal(), "big").status();
  EXPECT_STATUS(status, kResourceExhausted, StrCat("room for: ", capacity));
  const std::string text(Message(status));
  EXPECT_THAT(text, HasSubstr(registry_->Reference("big")));
  EXPECT_THAT(text, HasSubstr(big.manifest["layers"][1]["digest"].get<std::string>()));
  EXPECT_THAT(text, HasSubstr("large/file"));
  EXPECT_EQ(volumes_->count(), 1u);
  EXPECT_TRUE(std::filesystem::is_empty(folder_->path() + "/image/staging"));
  EXPECT_EQ(ReadTextFile(first->layers[0]->path + "/base", 10).value_or("?"), "base");
  // The room is there again.
  TestImage other;
  other.AddLayer(TarBuilder().File("f", std::string(1 << 20, 'y')).Finish());
  EXPECT_OK(Pull(other.Seal(), "other").status());
}

}  // namespace
}  // namespace nacre::image
