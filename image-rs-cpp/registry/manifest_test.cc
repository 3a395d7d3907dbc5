#include "image-rs-cpp/registry/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "base/strings.h"

namespace nacre::image {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kLayer = "application/vnd.oci.image.layer.v1.tar+gzip";
constexpr std::string_view kConfig = "application/vnd.oci.image.config.v1+json";
const std::string kDigest = "sha256:" + std::string(64, 'a');

Json DescriptorJson(std::string_view media_type, uint64_t size = 10) {
  return {{"mediaType", media_type}, {"digest", kDigest}, {"size", size}};
}

Json ManifestJson(size_t layers = 1) {
  Json json = {{"schemaVersion", 2},
               {"mediaType", kOciManifest},
               {"config", DescriptorJson(kConfig)},
               {"layers", Json::array()}};
  for (size_t i = 0; i < layers; ++i) json["layers"].push_back(DescriptorJson(kLayer));
  return json;
}

Json IndexJson() {
  Json arm = DescriptorJson(kOciManifest);
  arm["platform"] = {{"os", "linux"}, {"architecture", "arm64"}};
  Json amd = DescriptorJson(kDockerManifest, 77);
  amd["platform"] = {{"os", "linux"}, {"architecture", "amd64"}};
  Json attestation = DescriptorJson(kOciManifest);
  attestation["platform"] = {{"os", "unknown"}, {"architecture", "unknown"}};
  return {{"schemaVersion", 2}, {"manifests", {arm, attestation, amd}}};
}

absl::Status Status(const Json& json, const Limits& limits = {}) {
  return ParseManifest(json.dump(), limits).status();
}

TEST(LayerMediaType, KnowsAllKinds) {
  struct Case {
    const char* text;
    Compression compression;
    bool encrypted;
  };
  for (const Case& c : {
           Case{"application/vnd.oci.image.layer.v1.tar", Compression::kNone, false},
           {"application/vnd.oci.image.layer.v1.tar+gzip", Compression::kGzip, false},
           {"application/vnd.oci.image.layer.v1.tar+zstd", Compression::kZstd, false},
           {"application/vnd.oci.image.layer.v1.tar+encrypted", Compression::kNone, true},
           {"application/vnd.oci.image.layer.v1.tar+gzip+encrypted", Compression::kGzip, true},
           {"application/vnd.oci.image.layer.v1.tar+zstd+encrypted", Compression::kZstd, true},
           {"application/vnd.docker.image.rootfs.diff.tar.gzip", Compression::kGzip, false},
           {"application/vnd.docker.image.rootfs.diff.tar.gzip+encrypted", Compression::kGzip,
            true},
           {"application/vnd.docker.image.rootfs.diff.tar.zstd", Compression::kZstd, false},
           {"application/vnd.docker.image.rootfs.diff.tar", Compression::kNone, false},
       }) {
    auto type = ParseLayerMediaType(c.text);
    ASSERT_TRUE(type.ok()) << c.text;
    EXPECT_EQ(type->compression, c.compression) << c.text;
    EXPECT_EQ(type->encrypted, c.encrypted) << c.text;
  }
}

TEST(LayerMediaType, RefusesOthersByName) {
  for (const char* text :
       {"", "text/plain", "application/vnd.oci.image.layer.v1.tar+bzip2",
        "application/vnd.oci.image.layer.v1.tar+encrypted+gzip",
        "application/vnd.oci.image.layer.v1.tar+encrypted+encrypted", "+encrypted",
        "application/vnd.oci.image.layer.v1.erofs", "Application/vnd.oci.image.layer.v1.tar"}) {
    absl::Status status = ParseLayerMediaType(text).status();
    EXPECT_TRUE(absl::IsUnimplemented(status)) << text;
    EXPECT_THAT(std::string(Message(status)), HasSubstr(text));
  }
}

TEST(Manifest, IsRead) {
  Json json = ManifestJson(2);
  json["layers"][1]["annotations"] = {{"k", "v"}};
  json["layers"][0]["annotations"] = nullptr;
  json["annotations"] = {{"other", "kept out"}};
  auto manifest = ParseManifest(json.dump(), {});
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  ASSERT_EQ(manifest->layers.size(), 2u);
  EXPECT_EQ(manifest->layers[1].annotations.at("k"), "v");
  EXPECT_TRUE(manifest->layers[0].annotations.empty());
  EXPECT_EQ(manifest->config.digest.text(), kDigest);
  EXPECT_EQ(manifest->config.size, 10u);
}

TEST(Manifest, MayHaveNoLayers) { EXPECT_TRUE(Status(ManifestJson(0)).ok()); }

TEST(Manifest, RefusesBrokenOnes) {
  auto broken = [](auto change) {
    Json json = ManifestJson();
    change(json);
    return Status(json);
  };
  EXPECT_FALSE(broken([](Json& j) { j.erase("schemaVersion"); }).ok());
  EXPECT_TRUE(absl::IsUnimplemented(broken([](Json& j) { j["schemaVersion"] = 1; })));
  EXPECT_FALSE(broken([](Json& j) { j.erase("config"); }).ok());
  EXPECT_FALSE(broken([](Json& j) { j["layers"] = "x"; }).ok());
  EXPECT_FALSE(broken([](Json& j) { j["layers"][0] = 3; }).ok());
  EXPECT_FALSE(broken([](Json& j) { j["layers"][0].erase("digest"); }).ok());
  EXPECT_FALSE(broken([](Json& j) { j["layers"][0]["digest"] = "sha256:1"; }).ok());
  EXPECT_FALSE(broken([](Json& j) { j["layers"][0]["size"] = -1; }).ok());
  EXPECT_FALSE(broken([](Json& j) { j["layers"][0]["size"] = 1.5; }).ok());
  EXPECT_FALSE(broken([](Json& j) { j["layers"][0]["annotations"] = {{"k", 1}}; }).ok());
  EXPECT_FALSE(ParseManifest("[]", {}).ok());
  EXPECT_FALSE(ParseManifest("{", {}).ok());
}

TEST(Manifest, RefusesOtherMediaTypes) {
  Json json = ManifestJson();
  json["config"]["mediaType"] = "application/vnd.oci.empty.v1+json";
  EXPECT_TRUE(absl::IsUnimplemented(Status(json)));
  json = ManifestJson();
  json["layers"][0]["mediaType"] = "application/x-unknown";
  EXPECT_THAT(std::string(Message(Status(json))), HasSubstr("manifest layer 0"));
}

TEST(Manifest, BoundsSizesAndCounts) {
  Limits limits;
  limits.max_layers = 3;
  EXPECT_TRUE(Status(ManifestJson(2), limits).ok());
  EXPECT_TRUE(Status(ManifestJson(3), limits).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(Status(ManifestJson(4), limits)));

  limits.max_layer_size = 10;
  EXPECT_TRUE(Status(ManifestJson(), limits).ok());
  limits.max_layer_size = 9;
  EXPECT_TRUE(absl::IsResourceExhausted(Status(ManifestJson(), limits)));

  limits = Limits();
  limits.max_config_size = 10;
  EXPECT_TRUE(Status(ManifestJson(), limits).ok());
  limits.max_config_size = 9;
  EXPECT_TRUE(absl::IsResourceExhausted(Status(ManifestJson(), limits)));

  limits = Limits();
  limits.max_manifest_size = ManifestJson().dump().size();
  EXPECT_TRUE(Status(ManifestJson(), limits).ok());
  --limits.max_manifest_size;
  EXPECT_TRUE(absl::IsResourceExhausted(Status(ManifestJson(), limits)));
}

TEST(Manifest, RefusesABombOfBrackets) {
  std::string deep = R"({"schemaVersion":2,"x":)" + std::string(100000, '[');
  EXPECT_FALSE(ParseManifest(deep, {}).ok());
}

TEST(Index, GivesTheImageOfOurPlatform) {
  auto index = ParseIndex(IndexJson().dump(), {});
  ASSERT_TRUE(index.ok()) << index.status();
  auto chosen = SelectPlatform(*index, {});
  ASSERT_TRUE(chosen.ok());
  EXPECT_EQ(chosen->size, 77u);
  EXPECT_EQ(SelectPlatform(*index, {"linux", "arm64"})->size, 10u);
}

TEST(Index, SaysWhatItOffers) {
  auto index = ParseIndex(IndexJson().dump(), {});
  absl::Status status = SelectPlatform(*index, {"linux", "riscv64"}).status();
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_THAT(std::string(Message(status)), HasSubstr("linux/amd64, linux/arm64"));
  EXPECT_THAT(std::string(Message(SelectPlatform(Index(), {}).status())), HasSubstr("none"));
}

TEST(Index, IsBounded) {
  Limits limits;
  limits.max_index_entries = 3;
  EXPECT_TRUE(ParseIndex(IndexJson().dump(), limits).ok());
  limits.max_index_entries = 2;
  EXPECT_TRUE(absl::IsResourceExhausted(ParseIndex(IndexJson().dump(), limits).status()));
}

absl::StatusOr<DocumentKind> Classify(const Json& json, std::string_view header) {
  return ClassifyDocument(json.dump(), header, {});
}

TEST(ClassifyDocument, ReadsBodyAndHeader) {
  EXPECT_EQ(*Classify(ManifestJson(), kOciManifest), DocumentKind::kManifest);
  EXPECT_EQ(*Classify(ManifestJson(), "application/json"), DocumentKind::kManifest);
  EXPECT_EQ(*Classify(IndexJson(), std::string(kOciIndex) + "; charset=utf-8"),
            DocumentKind::kIndex);
  EXPECT_EQ(*Classify(IndexJson(), ""), DocumentKind::kIndex);
  EXPECT_EQ(*Classify(IndexJson(), kDockerIndex), DocumentKind::kIndex);
}

TEST(ClassifyDocument, RefusesAmbiguity) {
  Json both = ManifestJson();
  both["manifests"] = Json::array();
  EXPECT_THAT(std::string(Message(Classify(both, kOciManifest).status())), HasSubstr("at once"));
  EXPECT_THAT(std::string(Message(Classify(ManifestJson(), kOciIndex).status())),
              HasSubstr("the registry says"));
  Json index = IndexJson();
  EXPECT_FALSE(Classify(index, kOciManifest).ok());
  index["mediaType"] = kOciManifest;
  EXPECT_FALSE(Classify(index, "").ok());
}

TEST(ClassifyDocument, RefusesWhatIsNeither) {
  EXPECT_TRUE(
      absl::IsUnimplemented(Classify({{"schemaVersion", 1}, {"fsLayers", Json::array()}},
                                     "application/vnd.docker.distribution.manifest.v1+prettyjws")
                                .status()));
  EXPECT_FALSE(Classify(Json::array(), kOciManifest).ok());
  EXPECT_FALSE(ClassifyDocument("not json", kOciManifest, {}).ok());
}

}  // namespace
}  // namespace nacre::image
