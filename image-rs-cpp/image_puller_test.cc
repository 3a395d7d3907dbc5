#include "image-rs-cpp/image_puller.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "base/file.h"
#include "base/strings.h"
#include "crypto/digest.h"
#include "image-rs-cpp/testing/key_table.h"
#include "image-rs-cpp/testing/tar_builder.h"
#include "image-rs-cpp/testing/test_registry.h"

namespace nacre::image {
namespace {

using ::testing::ElementsAre;
using testing::EncryptionKey;
using ::testing::HasSubstr;
using testing::KeyTable;
using testing::TarBuilder;
using testing::TestImage;
using testing::TestRegistry;

Bytes Tar(const std::string& name) { return TarBuilder().File(name, name).Finish(); }

class ImagePullerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: changes owners, mounts overlays";
    auto made = TemporaryDirectory::Create("puller");
    ASSERT_TRUE(made.ok());
    folder_.emplace(*std::move(made));
    auto registry = TestRegistry::Start();
    ASSERT_TRUE(registry.ok()) << registry.status();
    registry_ = *std::move(registry);
    limits_.retry_delay_ms = 1;
  }

  ImagePuller& Puller() {
    if (!puller_) {
      ImagePullerOptions options;
      options.work_dir = folder_->path() + "/image";
      options.key_resolver = &keys_;
      options.registry.insecure_registries = {registry_->host()};
      options.trust = TrustPolicy::AcceptAnything();
      options.limits = limits_;
      options.store = store_;
      options.blob_sources = sources_;
      auto puller = ImagePuller::Create(std::move(options));
      EXPECT_TRUE(puller.ok()) << puller.status();
      puller_ = *std::move(puller);
    }
    return *puller_;
  }

  absl::StatusOr<PulledImage> Pull(const TestImage& image,
                                   const PullExpectations& expectations = {}) {
    registry_->Push(image, "1");
    return Puller().Pull(registry_->Reference("1"), expectations);
  }
  // The refusal, after checking that nothing is left of the pull.
  absl::Status Refusal(const TestImage& image, const PullExpectations& expectations = {}) {
    absl::Status status = Pull(image, expectations).status();
    EXPECT_FALSE(status.ok());
    EXPECT_THAT(std::string(Message(status)), HasSubstr(registry_->Reference("1")));
    EXPECT_TRUE(std::filesystem::is_empty(folder_->path() + "/image/staging"));
    return status;
  }
  size_t LayersOnDisk() {
    return std::distance(std::filesystem::directory_iterator(folder_->path() + "/image/layers"),
                         {});
  }

  Limits limits_;
  LayerStoreOptions store_;
  std::vector<BlobSource*> sources_;
  std::optional<TemporaryDirectory> folder_;
  std::unique_ptr<TestRegistry> registry_;
  std::string config_digest_;
  KeyTable keys_{{{EncryptionKey().key_id, EncryptionKey().kek}}};
  std::unique_ptr<ImagePuller> puller_;
};

TestImage Encrypted() {
  TestImage image;
  image.AddEncryptedLayer(Tar("a"), {})
      .AddEncryptedLayer(Tar("b"), {}, Compression::kZstd)
      .AddEncryptedLayer(Tar("c"), {}, Compression::kNone);
  return image.Seal();
}

TEST_F(ImagePullerTest, PullsDecryptsAndMounts) {
  auto image = Pull(Encrypted());
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->layers.size(), 3u);
  EXPECT_THAT(image->config.cmd, ElementsAre("/bin/sh"));
  EXPECT_EQ(image->manifest_digest, image->reference_digest);
  EXPECT_EQ(image->reference, registry_->Reference("1"));
  EXPECT_EQ(keys_.calls, 1);
  const RootfsPlace place{folder_->path() + "/upper", folder_->path() + "/work",
                          folder_->path() + "/root"};
  ASSERT_TRUE(MountRootfs(*image, place).ok());
  for (const char* name : {"a", "b", "c"}) {
    EXPECT_EQ(*ReadTextFile(place.target + "/" + name, 10), name);
  }
  EXPECT_TRUE(UnmountRootfs(place.target).ok());
  EXPECT_TRUE(absl::IsInvalidArgument(UnmountRootfs(place.target)));
}

TEST_F(ImagePullerTest, AHardLinkReachesIntoALowerLayer) {
  TestImage image;
  image.AddLayer(Tar("a")).AddLayer(TarBuilder().HardLink("b", "a").Finish()).Seal();
  auto pulled = Pull(image);
  ASSERT_TRUE(pulled.ok()) << pulled.status();
  const RootfsPlace place{folder_->path() + "/upper", folder_->path() + "/work",
                          folder_->path() + "/root"};
  ASSERT_TRUE(MountRootfs(*pulled, place).ok());
  EXPECT_EQ(*ReadTextFile(place.target + "/b", 10), "a");
  EXPECT_TRUE(std::filesystem::equivalent(place.target + "/a", place.target + "/b"));
  EXPECT_TRUE(UnmountRootfs(place.target).ok());
}

TEST_F(ImagePullerTest, AHardLinkToNothingIsRefused) {
  TestImage image;
  image.AddLayer(Tar("a")).AddLayer(TarBuilder().HardLink("b", "c").Finish()).Seal();
  const absl::Status status = Refusal(image);
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(Message(status)), HasSubstr("hard link to 'c', which no lower layer"));
}

// A node's cache: gives the blobs of one image, changed as the test wants.
class Cache : public BlobSource {
 public:
  using Change = std::function<std::string(std::string)>;
  Cache(const TestImage& image, Change change) : blobs_(image.blobs), change_(std::move(change)) {}
  std::string_view name() const override { return "cache"; }
  absl::Status Read(const ImageReference&, const Descriptor& blob, uint64_t offset,
                    const OnBytes& on_bytes) override {
    const std::string content = change_(blobs_.at(blob.digest.text()));
    return on_bytes(AsBytes(content).subspan(std::min<size_t>(offset, content.size())));
  }

 private:
  const std::map<std::string, std::string> blobs_;
  const Change change_;
};

TEST_F(ImagePullerTest, WhatACacheHasTheRegistryIsNotAskedFor) {
  const TestImage image = Encrypted();
  Cache cache(image, [](std::string content) { return content; });
  sources_ = {&cache};
  auto pulled = Pull(image);
  ASSERT_TRUE(pulled.ok()) << pulled.status();
  EXPECT_EQ(registry_->CountRequests("/blobs/"), 0u);
}

TEST_F(ImagePullerTest, WhateverACacheGivesTheImageIsTheSame) {
  const TestImage image = Encrypted();
  const std::vector<Cache::Change> changes = {
      [](std::string content) { return content + "x"; },
      [](std::string content) { return content.substr(0, content.size() / 2); },
      [](std::string content) { return std::string(content.size(), 'x'); },
      [](std::string content) { return ++content[content.size() / 2], content; },
      [](std::string) { return std::string(); }};
  for (const Cache::Change& change : changes) {
    Cache cache(image, change);
    sources_ = {&cache};
    puller_.reset();  // with its layers
    auto pulled = Pull(image);
    ASSERT_TRUE(pulled.ok()) << pulled.status();
    EXPECT_EQ(pulled->layers.size(), 3u);
  }
}

TEST_F(ImagePullerTest, SharesLayersBetweenImages) {
  TestImage first, second;
  first.AddLayer(Tar("base")).AddLayer(Tar("one")).Seal();
  // The same base as another blob: the diffID is what counts.
  second.AddLayer(Tar("base"), Compression::kZstd).AddLayer(Tar("two")).Seal();
  auto one = Pull(first);
  auto two = Pull(second);
  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_EQ(one->layers[0]->path, two->layers[0]->path);
  EXPECT_EQ(LayersOnDisk(), 3u);
  EXPECT_EQ(registry_->CountRequests(second.manifest["layers"][0]["digest"]), 0u);
}

TEST_F(ImagePullerTest, PullsSideBySide) {
  registry_->Push(Encrypted(), "1");
  Puller();
  std::vector<absl::StatusOr<PulledImage>> images(4, absl::UnknownError("not run"));
  {
    std::vector<std::jthread> threads;
    for (auto& image : images) {
      threads.emplace_back([&] { image = Puller().Pull(registry_->Reference("1")); });
    }
  }
  for (const auto& image : images) ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(LayersOnDisk(), 3u);
}

TEST_F(ImagePullerTest, FindsOurPlatformInAnIndex) {
  TestImage ours, other;
  ours.AddLayer(Tar("ours")).Seal();
  other.config["architecture"] = "arm64";
  other.AddLayer(Tar("other")).Seal();
  registry_->Push(ours, "ours");
  registry_->Push(other, "other");
  Json index = {{"schemaVersion", 2}, {"mediaType", kOciIndex}, {"manifests", Json::array()}};
  for (const TestImage* image : {&other, &ours}) {
    index["manifests"].push_back(
        {{"mediaType", kOciManifest},
         {"digest", image->manifest_digest},
         {"size", image->blobs.at(image->manifest_digest).size()},
         {"platform", {{"os", "linux"}, {"architecture", image == &ours ? "amd64" : "arm64"}}}});
  }
  registry_->PutManifest("multi", index.dump(), std::string(kOciIndex));
  const std::string index_digest = crypto::OciDigest(AsBytes(index.dump()));
  auto pulled = Puller().Pull(registry_->Reference("multi"), {index_digest, false});
  ASSERT_TRUE(pulled.ok()) << pulled.status();
  EXPECT_EQ(pulled->manifest_digest, ours.manifest_digest);
  EXPECT_EQ(pulled->reference_digest, index_digest);
  // An index that says amd64 of an arm64 image.
  index["manifests"][0]["platform"]["architecture"] = "amd64";
  registry_->PutManifest("liar", index.dump(), std::string(kOciIndex));
  EXPECT_THAT(std::string(Message(Puller().Pull(registry_->Reference("liar")).status())),
              HasSubstr("is for linux/arm64"));
  // An entry that is an index and does not say so.
  index["manifests"][0]["digest"] = index_digest;
  registry_->PutManifest("circle", index.dump(), std::string(kOciIndex));
  EXPECT_FALSE(Puller().Pull(registry_->Reference("circle")).ok());
}

TEST_F(ImagePullerTest, ReadsDockersManifest) {
  TestImage image;
  image.AddLayer(Tar("a"));
  image.manifest["layers"][0]["mediaType"] = "application/vnd.docker.image.rootfs.diff.tar.gzip";
  image.manifest["config"] =
      image.AddBlob(AsBytes(image.config.dump()), "application/vnd.docker.container.image.v1+json");
  image.manifest["mediaType"] = kDockerManifest;
  image.manifest_type = kDockerManifest;
  auto pulled = Pull(image.Seal());
  EXPECT_TRUE(pulled.ok()) << pulled.status();
}

TEST_F(ImagePullerTest, PinsByDigest) {
  TestImage image = Encrypted();
  EXPECT_TRUE(Pull(image, {image.manifest_digest, true}).ok());
  EXPECT_TRUE(Puller().Pull(registry_->host() + "/demo/app@" + image.manifest_digest).ok());
  const std::string other = "sha256:" + std::string(64, '1');
  EXPECT_TRUE(absl::IsDataLoss(Refusal(image, {other, false})));
  registry_->PutManifest(other, image.manifest.dump(), std::string(kOciManifest));
  EXPECT_TRUE(absl::IsDataLoss(Puller().Pull(registry_->host() + "/demo/app@" + other).status()));
}

TEST_F(ImagePullerTest, MayInsistOnEncryption) {
  TestImage mixed;
  mixed.AddEncryptedLayer(Tar("a"), {}).AddLayer(Tar("b")).Seal();
  EXPECT_TRUE(absl::IsPermissionDenied(Refusal(mixed, {"", true})));
  EXPECT_TRUE(Pull(mixed).ok());
}

TEST_F(ImagePullerTest, AWrongKeyFetchesNoLayer) {
  TestImage image;
  image.AddEncryptedLayer(Tar("a"), {"kbs:///default/image-key/1", Bytes(32, 0x77)}).Seal();
  EXPECT_TRUE(absl::IsUnauthenticated(Refusal(image)));
  EXPECT_EQ(registry_->CountRequests(image.manifest["layers"][0]["digest"]), 0u);
  EXPECT_EQ(LayersOnDisk(), 0u);
}

TEST_F(ImagePullerTest, ARefusedKeySaysWhichAndWhy) {
  TestImage image;
  image.AddEncryptedLayer(Tar("a"), {"kbs:///secret/key/9", Bytes(32, 1)}).Seal();
  absl::Status status = Refusal(image);
  EXPECT_TRUE(absl::IsPermissionDenied(status));
  EXPECT_THAT(std::string(Message(status)), HasSubstr("kbs:///secret/key/9"));
  EXPECT_THAT(std::string(Message(status)), HasSubstr("attestation refused"));
}

TEST_F(ImagePullerTest, RefusesAChangedLayer) {
  TestImage image = Encrypted();
  const std::string digest = image.manifest["layers"][1]["digest"];
  image.blobs[digest][5] ^= 1;
  absl::Status status = Refusal(image);
  EXPECT_THAT(std::string(Message(status)), HasSubstr(digest));
}

// With the manifest made to fit, only the HMAC can tell.
TEST_F(ImagePullerTest, RefusesAChangedLayerWithAFittingManifest) {
  TestImage image;
  image.AddEncryptedLayer(Tar("a"), {}, Compression::kNone);
  std::string blob = image.blobs[image.manifest["layers"][0]["digest"]];
  blob[517] ^= 1;  // inside the file's content
  Json changed = image.AddBlob(AsBytes(blob), "x");
  Bytes tar = Tar("a");
  tar[517] ^= 1;
  image.manifest["layers"][0]["digest"] = changed["digest"];
  image.config["rootfs"]["diff_ids"][0] = crypto::OciDigest(tar);
  absl::Status status = Refusal(image.Seal());
  EXPECT_TRUE(absl::IsUnauthenticated(status)) << status;
  EXPECT_EQ(LayersOnDisk(), 0u);
}

TEST_F(ImagePullerTest, RefusesATruncatedLayer) {
  TestImage image = Encrypted();
  image.blobs[image.manifest["layers"][0]["digest"]].pop_back();
  EXPECT_TRUE(absl::IsDataLoss(Refusal(image)));
}

TEST_F(ImagePullerTest, RefusesAWrongDiffId) {
  TestImage image;
  image.AddLayer(Tar("a"));
  image.config["rootfs"]["diff_ids"][0] = "sha256:" + std::string(64, '2');
  EXPECT_TRUE(absl::IsDataLoss(Refusal(image.Seal())));
  EXPECT_EQ(LayersOnDisk(), 0u);
}

TEST_F(ImagePullerTest, RefusesAMissingLayerOrConfig) {
  TestImage image = Encrypted();
  image.blobs.erase(image.manifest["layers"][0]["digest"].get<std::string>());
  EXPECT_TRUE(absl::IsNotFound(Refusal(image)));
  image = Encrypted();
  image.manifest["config"]["digest"] = "sha256:" + std::string(64, '3');
  EXPECT_TRUE(absl::IsNotFound(Refusal(image.Seal())));
}

TEST_F(ImagePullerTest, RefusesMoreOrFewerLayersThanTheConfigNames) {
  TestImage image;
  image.AddLayer(Tar("a"));
  image.config["rootfs"]["diff_ids"].push_back("sha256:" + std::string(64, '4'));
  EXPECT_THAT(std::string(Message(Refusal(image.Seal()))),
              HasSubstr("1 layers, the image config 2"));
}

TEST_F(ImagePullerTest, RefusesOtherPlatforms) {
  TestImage image;
  image.config["os"] = "windows";
  EXPECT_THAT(std::string(Message(Refusal(image.Seal()))), HasSubstr("windows/amd64"));
}

TEST_F(ImagePullerTest, RefusesAHostileTar) {
  TestImage image;
  image.AddLayer(TarBuilder().Symlink("l", "/etc").File("l/passwd", "evil").Finish()).Seal();
  EXPECT_THAT(std::string(Message(Refusal(image))), HasSubstr("leads over a symbolic link"));
}

TEST_F(ImagePullerTest, BoundsTheSumOfLayers) {
  limits_.max_unpacked_size = 3 * Tar("a").size();
  EXPECT_TRUE(Pull(Encrypted()).ok());
  puller_.reset();
  --limits_.max_unpacked_size;
  EXPECT_TRUE(absl::IsResourceExhausted(Refusal(Encrypted())));
}

TEST_F(ImagePullerTest, StopsWhenTheStoreIsFull) {
  TestImage image;
  image.AddLayer(Tar("a")).AddLayer(TarBuilder().File("b", std::string(9000, 'b')).Finish()).Seal();
  store_.max_size = 1 + 9000 + 2 * 1024;
  EXPECT_TRUE(Pull(image).ok());
  puller_.reset();
  --store_.max_size;
  const absl::Status status = Refusal(image);
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_THAT(std::string(Message(status)), HasSubstr("the image store has room for: 11048"));
}

TEST_F(ImagePullerTest, TriesAgainWhenTheNetworkFails) {
  std::atomic<int> failures = 2;
  registry_->SetHook(
      [&](const net::HttpServerRequest& request) -> std::optional<net::HttpResponse> {
        if (request.path.find("/blobs/") == std::string::npos || puller_ == nullptr) {
          return {};
        }
        if (request.path.ends_with(config_digest_)) return {};
        if (failures-- > 0) return net::MakeResponse(503, "text/plain", "busy");
        return {};
      });
  TestImage image;
  image.AddLayer(Tar("a")).Seal();
  config_digest_ = image.manifest["config"]["digest"];
  EXPECT_TRUE(Pull(image).ok());
  // More failures than attempts of the client, each time the layer is asked for again.
  TestImage other;
  other.AddLayer(Tar("b")).Seal();
  config_digest_ = other.manifest["config"]["digest"];
  failures = 9;
  EXPECT_TRUE(absl::IsUnavailable(Refusal(other)));
}

TEST_F(ImagePullerTest, RefusesABadReference) {
  EXPECT_TRUE(absl::IsInvalidArgument(Puller().Pull("Not A Name").status()));
}

}  // namespace
}  // namespace nacre::image
