#include "image-rs-cpp/decrypt/layer_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/strings.h"
#include "crypto/jwe.h"
#include "image-rs-cpp/decrypt/layer_options.h"
#include "image-rs-cpp/testing/key_table.h"
#include "image-rs-cpp/testing/tar_builder.h"
#include "image-rs-cpp/testing/test_image.h"

namespace nacre::image {
namespace {

using testing::EncryptionKey;
using ::testing::HasSubstr;
using testing::KeyTable;
using testing::TarBuilder;
using testing::TestImage;

Bytes Tar() { return TarBuilder().File("f", "x").Finish(); }

absl::StatusOr<std::vector<std::optional<LayerKey>>> Unwrap(const TestImage& image,
                                                            const LayerKeyOptions& options) {
  ASSIGN_OR_RETURN(Manifest manifest, ParseManifest(image.manifest.dump(), {}));
  return UnwrapLayerKeys(manifest.layers, options);
}

TestImage ThreeLayers() {
  TestImage image;
  image.AddEncryptedLayer(Tar(), {}).AddLayer(Tar()).AddEncryptedLayer(Tar(), {}).Seal();
  return image;
}

TEST(LayerKeys, AreAllUnwrappedWithOneRequest) {
  KeyTable table({{EncryptionKey().key_id, EncryptionKey().kek}});
  auto keys = Unwrap(ThreeLayers(), {&table, {}});
  ASSERT_TRUE(keys.ok()) << keys.status();
  ASSERT_EQ(keys->size(), 3u);
  EXPECT_TRUE((*keys)[0].has_value());
  EXPECT_FALSE((*keys)[1].has_value());
  EXPECT_TRUE((*keys)[2].has_value());
  EXPECT_EQ(table.calls, 1);
}

TEST(LayerKeys, PlainImagesAskNobody) {
  TestImage image;
  image.AddLayer(Tar()).Seal();
  EXPECT_TRUE(Unwrap(image, {nullptr, {}}).ok());
}

TEST(LayerKeys, NoBrokerNoKey) {
  absl::Status status = Unwrap(ThreeLayers(), {nullptr, {}}).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(std::string(Message(status)), HasSubstr("no key broker"));
}

TEST(LayerKeys, ARefusalIsPassedOnAndNotAskedAgain) {
  KeyTable table({});
  TestImage image = ThreeLayers();
  auto& annotations = image.manifest["layers"][0]["annotations"];
  const std::string name(kProviderAnnotation);
  const std::string packet = annotations[name];
  annotations[name] = packet + "," + packet;
  absl::Status status = Unwrap(image, {&table, {}}).status();
  EXPECT_TRUE(absl::IsPermissionDenied(status));
  EXPECT_THAT(std::string(Message(status)), HasSubstr("key kbs:///default/image-key/1"));
  EXPECT_THAT(std::string(Message(status)), HasSubstr("attestation refused"));
  EXPECT_EQ(table.calls, 1);
}

TEST(LayerKeys, AWrongKeyIsUnauthenticated) {
  KeyTable table({{EncryptionKey().key_id, Bytes(32, 1)}});
  EXPECT_TRUE(absl::IsUnauthenticated(Unwrap(ThreeLayers(), {&table, {}}).status()));
  KeyTable short_key({{EncryptionKey().key_id, Bytes(16, 1)}});
  EXPECT_FALSE(Unwrap(ThreeLayers(), {&short_key, {}}).ok());
}

TEST(LayerKeys, AnyOfSeveralPacketsWillDo) {
  TestImage image;
  EncryptionKey other{"kbs:///other/key/9", Bytes(32, 9)};
  image.AddEncryptedLayer(Tar(), other).AddEncryptedLayer(Tar(), {}).Seal();
  const std::string name(kProviderAnnotation);
  auto& layer = image.manifest["layers"][1]["annotations"];
  const std::string foreign = image.manifest["layers"][0]["annotations"][name];
  const std::string own = layer[name];
  layer[name] = foreign + "," + own;
  image.manifest["layers"].erase(0);
  KeyTable table({{EncryptionKey().key_id, EncryptionKey().kek}});
  EXPECT_TRUE(Unwrap(image, {&table, {}}).ok());
}

TEST(LayerKeys, NamesTheSchemesItDoesNotKnow) {
  TestImage image;
  image.AddEncryptedLayer(Tar(), {}).Seal();
  auto& annotations = image.manifest["layers"][0]["annotations"];
  annotations.erase(std::string(kProviderAnnotation));
  annotations["org.opencontainers.image.enc.keys.pkcs7"] = "AAAA";
  KeyTable table({});
  absl::Status status = Unwrap(image, {&table, {}}).status();
  EXPECT_TRUE(absl::IsUnimplemented(status));
  EXPECT_THAT(std::string(Message(status)), HasSubstr("pkcs7"));
}

TEST(LayerKeys, RefusesALayerWithoutHmac) {
  TestImage image;
  image.AddEncryptedLayer(Tar(), {}).Seal();
  image.manifest["layers"][0]["annotations"].erase(std::string(kPublicOptionsAnnotation));
  KeyTable table({{EncryptionKey().key_id, EncryptionKey().kek}});
  absl::Status status = Unwrap(image, {&table, {}}).status();
  EXPECT_THAT(std::string(Message(status)), HasSubstr("cannot be authenticated"));
  EXPECT_EQ(table.calls, 0);
}

class JweTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto key = crypto::PrivateKey::GenerateEc(crypto::Curve::kP256);
    ASSERT_TRUE(key.ok());
    pem_ = ToBytes(key->ToPem()->view());
    image_.AddEncryptedLayer(Tar(), {}).Seal();
    auto& annotations = image_.manifest["layers"][0]["annotations"];
    // Takes the options out of the packet, to wrap them for a public key instead.
    LayerKey layer_key;
    layer_key.symmetric_key = SecretBytes(32);
    layer_key.nonce = Bytes(16);
    auto jwe = crypto::JweEncrypt(key->public_key(), crypto::JweAlgorithm::kEcdhEsA256Kw,
                                  FormatPrivateOptions(layer_key)->view());
    ASSERT_TRUE(jwe.ok());
    annotations.erase(std::string(kProviderAnnotation));
    annotations[std::string(kJweAnnotation)] = Base64Encode(AsBytes(*jwe));
  }
  Bytes pem_;
  TestImage image_;
};

TEST_F(JweTest, OpensWithAPrivateKeyOfTheBroker) {
  KeyTable table({{"kbs:///default/private/1", pem_}});
  EXPECT_TRUE(Unwrap(image_, {&table, {"kbs:///default/private/1"}}).ok());
}

TEST_F(JweTest, TriesEachKey) {
  auto other = crypto::PrivateKey::GenerateEc(crypto::Curve::kP256);
  KeyTable table({{"kbs:///default/private/1", pem_},
                  {"kbs:///default/private/2", ToBytes(other->ToPem()->view())}});
  EXPECT_TRUE(
      Unwrap(image_, {&table, {"kbs:///default/private/2", "kbs:///default/private/1"}}).ok());
  EXPECT_FALSE(Unwrap(image_, {&table, {"kbs:///default/private/2"}}).ok());
}

TEST_F(JweTest, NeedsAConfiguredKey) {
  KeyTable table({});
  absl::Status status = Unwrap(image_, {&table, {}}).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  KeyTable not_a_key({{"kbs:///default/private/1", ToBytes("not PEM")}});
  EXPECT_FALSE(Unwrap(image_, {&not_a_key, {"kbs:///default/private/1"}}).ok());
}

}  // namespace
}  // namespace nacre::image
