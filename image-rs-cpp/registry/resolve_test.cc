#include "image-rs-cpp/registry/resolve.h"

#include <gtest/gtest.h>

#include "base/status_testing.h"
#include "base/strings.h"
#include "image-rs-cpp/testing/test_registry.h"

namespace nacre::image {
namespace {

using testing::TestImage;
using testing::TestRegistry;

class ResolveTest : public ::testing::Test {
 protected:
  ResolveTest() : registry_(*TestRegistry::Start()) {
    image_.AddLayer(AsBytes("x"), Compression::kNone).Seal();
    registry_->Push(image_, "1");
    options_.platform = {"linux", "arm64", "v8"};
  }

  static Json Entry(const std::string& digest, size_t size, std::string_view type,
                    const std::string& architecture = "", const std::string& variant = "") {
    Json entry = {{"mediaType", type}, {"digest", digest}, {"size", size}};
    if (!architecture.empty()) {
      entry["platform"] = {{"os", "linux"}, {"architecture", architecture}};
      if (!variant.empty()) entry["platform"]["variant"] = variant;
    }
    return entry;
  }
  Json ImageEntry(const std::string& architecture, const std::string& variant = "") {
    return Entry(image_.manifest_digest, image_.blobs.at(image_.manifest_digest).size(),
                 kOciManifest, architecture, variant);
  }
  // Puts an index under a tag and gives the entry for it.
  Json PutIndex(const std::string& tag, const std::vector<Json>& entries) {
    const std::string text =
        Json{{"schemaVersion", 2}, {"mediaType", kOciIndex}, {"manifests", entries}}.dump();
    registry_->PutManifest(tag, text, std::string(kOciIndex));
    return Entry(crypto::OciDigest(AsBytes(text)), text.size(), kOciIndex);
  }
  absl::StatusOr<ResolvedImage> Resolve(const std::string& tag) {
    RegistryOptions registry;
    registry.insecure_registries = {registry_->host()};
    auto client = RegistryClient::Create(registry, limits_);
    EXPECT_TRUE(client.ok()) << client.status();
    return ResolveImage(*ParseImageReference(registry_->Reference(tag)), options_, limits_,
                        client->get());
  }

  std::unique_ptr<TestRegistry> registry_;
  TestImage image_;
  ResolveOptions options_;
  Limits limits_;
};

TEST_F(ResolveTest, AManifestIsItself) {
  const auto found = Resolve("1");
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->manifest_digest, image_.manifest_digest);
  EXPECT_EQ(found->reference_digest, image_.manifest_digest);
  options_.expected_digest = "sha256:" + std::string(64, '0');
  EXPECT_STATUS(Resolve("1"), kDataLoss, "expected sha256:000");
}

TEST_F(ResolveTest, ThePlatformAndItsVariantDecide) {
  const Json index = PutIndex("i", {ImageEntry("amd64"), ImageEntry("arm64", "v8")});
  const auto found = Resolve("i");
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->manifest_digest, image_.manifest_digest);
  EXPECT_EQ(found->reference_digest, index["digest"]);
  options_.platform.variant = "v7";
  EXPECT_STATUS(Resolve("i"), kNotFound,
                "no image for linux/arm64/v7; it offers linux/amd64, linux/arm64/v8");
  options_.platform.variant = "";
  EXPECT_OK(Resolve("i").status());
  PutIndex("plain", {ImageEntry("arm64")});
  options_.platform.variant = "v7";
  EXPECT_OK(Resolve("plain").status());
}

TEST_F(ResolveTest, IndexesInIndexesUpToALimit) {
  Json inner = PutIndex("depth1", {ImageEntry("arm64", "v8")});
  for (uint32_t depth = 2; depth <= limits_.max_index_depth + 1; ++depth) {
    const std::string tag = StrCat("depth", depth);
    inner = PutIndex(tag, {inner});
    if (depth <= limits_.max_index_depth) {
      EXPECT_OK(Resolve(tag).status()) << depth;
    } else {
      EXPECT_STATUS(Resolve(tag), kResourceExhausted, "more than 4 indexes in one another");
    }
  }
}

TEST_F(ResolveTest, DocumentsAreCounted) {
  std::vector<Json> entries;
  for (int i = 0; i < 17; ++i) {
    entries.push_back(PutIndex("inner", {ImageEntry(StrCat("other", i))}));
  }
  PutIndex("many", entries);
  EXPECT_STATUS(Resolve("many"), kResourceExhausted, "more than 16 documents");
  entries.resize(15);
  PutIndex("fewer", entries);
  EXPECT_STATUS(Resolve("fewer"), kNotFound, "it offers linux/other14");
  entries.push_back(entries[0]);
  PutIndex("twice", entries);
  EXPECT_STATUS(Resolve("twice"), kInvalidArgument, "leads back to itself");
}

TEST_F(ResolveTest, EntriesMustBeWhatTheySay) {
  Json entry = ImageEntry("arm64", "v8");
  entry["size"] = 1;
  PutIndex("size", {entry});
  EXPECT_STATUS(Resolve("size"), kDataLoss, "the index names 1");
  entry = ImageEntry("arm64", "v8");
  entry["mediaType"] = kOciIndex;
  PutIndex("kind", {entry});
  EXPECT_STATUS(Resolve("kind"), kInvalidArgument, "not of the media type");
  PutIndex("type", {Entry(image_.manifest_digest, 9, "application/x", "arm64", "v8")});
  EXPECT_STATUS(Resolve("type"), kNotFound, "it offers none");
  entry = ImageEntry("arm64", "v8");
  entry["digest"] = "sha256:" + std::string(64, '0');
  PutIndex("gone", {entry});
  EXPECT_STATUS(Resolve("gone"), kNotFound, "answers 404");
}

TEST_F(ResolveTest, LayersAreBoundedTogether) {
  limits_.max_image_size = 1;
  EXPECT_OK(Resolve("1").status());
  limits_.max_image_size = 0;
  EXPECT_STATUS(Resolve("1"), kResourceExhausted, "first 1 layers have 1 bytes, allowed are 0");
}

}  // namespace
}  // namespace nacre::image
