#include "image-rs-cpp/decrypt/layer_keys.h"

#include <gmock/gmock.h>

#include "base/encoding.h"
#include "base/status_testing.h"
#include "base/strings.h"
#include "crypto/jwe.h"
#include "crypto/jwk.h"
#include "crypto/pkcs7.h"
#include "crypto/x509_make.h"
#include "image-rs-cpp/decrypt/key_cache.h"
#include "image-rs-cpp/decrypt/wrapped_keys.h"
#include "image-rs-cpp/image_settings.h"
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
  KeyTable table({});
  EXPECT_STATUS(Unwrap(image, {&table, {}}), kInvalidArgument, "it names no wrapped key");
  annotations["org.opencontainers.image.enc.keys.pgp"] = "AAAA";
  annotations["org.opencontainers.image.enc.keys.pkcs11"] = "AAAA";
  annotations["org.opencontainers.image.enc.keys.provider.other"] = "AAAA";
  for (const char* scheme : {"pgp", "pkcs11", "provider.other"}) {
    EXPECT_STATUS(Unwrap(image, {&table, {}}), kUnimplemented, StrCat(scheme, ": not supported"));
  }
  EXPECT_EQ(table.calls, 0);
}

// Three images' worth of names: the key that most layers name is asked for, and no other.
TEST(LayerKeys, TheKeyThatMostLayersNameIsAskedForFirst) {
  const std::string name(kProviderAnnotation);
  TestImage image;
  const EncryptionKey a{"kbs:///a/a/a", Bytes(32, 1)}, b{"kbs:///b/b/b", Bytes(32, 2)},
      c{"kbs:///c/c/c", Bytes(32, 3)};
  image.AddEncryptedLayer(Tar(), b).AddEncryptedLayer(Tar(), b).AddEncryptedLayer(Tar(), b).Seal();
  auto& layers = image.manifest["layers"];
  TestImage others;
  others.AddEncryptedLayer(Tar(), a).AddEncryptedLayer(Tar(), c).Seal();
  const std::string of_a = others.manifest["layers"][0]["annotations"][name];
  const std::string of_c = others.manifest["layers"][1]["annotations"][name];
  for (const std::string* other : {&of_a, &of_c}) {
    auto& list = layers[other == &of_a ? 0 : 2]["annotations"][name];
    list = StrCat(*other, ",", list.get<std::string>());
  }
  KeyTable table({{a.key_id, a.kek}, {b.key_id, b.kek}, {c.key_id, c.kek}});
  EXPECT_OK(Unwrap(image, {&table, {}}));
  EXPECT_EQ(table.calls, 1);
}

TEST(LayerKeys, OneElementThatMakesNoSenseDoesNotSpoilTheOthers) {
  const std::string name(kProviderAnnotation);
  for (const char* bad : {"%%%", "", "e30=", "AAAA"}) {
    TestImage image;
    image.AddEncryptedLayer(Tar(), {}).Seal();
    auto& list = image.manifest["layers"][0]["annotations"][name];
    const std::string good = list;
    KeyTable table({{EncryptionKey().key_id, EncryptionKey().kek}});
    list = StrCat(bad, ",", good);
    EXPECT_OK(Unwrap(image, {&table, {}})) << bad;
    list = bad;
    EXPECT_STATUS(Unwrap(image, {&table, {}}), kInvalidArgument, "provider.attestation-agent: ")
        << bad;
  }
}

TEST(LayerKeys, WrappedKeysAreBounded) {
  const std::string name(kProviderAnnotation);
  TestImage image;
  image.AddEncryptedLayer(Tar(), {}).Seal();
  auto& list = image.manifest["layers"][0]["annotations"][name];
  KeyTable table({{EncryptionKey().key_id, EncryptionKey().kek}});
  std::string many = list;
  for (size_t i = 1; i < kMaxWrappedKeys; ++i) many = "e30=," + many;
  list = many;
  EXPECT_OK(Unwrap(image, {&table, {}}));
  list = "e30=," + many;
  EXPECT_STATUS(Unwrap(image, {&table, {}}), kResourceExhausted, "more than 64 wrapped keys");
  list = std::string(4 * (kMaxWrappedKey / 3 + 2), 'A');
  EXPECT_STATUS(Unwrap(image, {&table, {}}), kResourceExhausted, "262144 bytes");
}

TEST(LayerKeys, AnImageMayNotNeedTooManyKeys) {
  TestImage image;
  for (size_t i = 0; i <= kMaxKeysPerImage; ++i) {
    image.AddEncryptedLayer(Tar(), {StrCat("kbs:///a/b/", i), Bytes(32, 1)});
  }
  image.Seal();
  std::map<std::string, Bytes> all;
  for (size_t i = 0; i <= kMaxKeysPerImage; ++i) all[StrCat("kbs:///a/b/", i)] = Bytes(32, 1);
  KeyTable table(all);
  EXPECT_STATUS(Unwrap(image, {&table, {}}), kResourceExhausted, "more than 32 keys");
  EXPECT_EQ(table.calls, 32);
  image.manifest["layers"].erase(0);
  KeyTable again(all);
  EXPECT_OK(Unwrap(image, {&again, {}}));
}

// Any change of any byte of the packet: it does not open, or the change was in nothing that counts.
TEST(LayerKeys, AChangedPacketNeverGivesAnotherKey) {
  TestImage image;
  image.AddEncryptedLayer(Tar(), {}).Seal();
  auto& list = image.manifest["layers"][0]["annotations"][std::string(kProviderAnnotation)];
  KeyTable table({{EncryptionKey().key_id, EncryptionKey().kek}});
  const auto right = Unwrap(image, {&table, {}});
  ASSERT_OK(right);
  const Bytes packet = *Base64Decode(list.get<std::string>());
  size_t refused = 0;
  for (size_t at = 0; at < packet.size(); ++at) {
    for (uint8_t bit : {0x01, 0x10}) {
      Bytes changed = packet;
      changed[at] ^= bit;
      list = Base64Encode(changed);
      const auto keys = Unwrap(image, {&table, {}});
      if (!keys.ok()) {
        ++refused;
      } else {
        EXPECT_TRUE(
            ConstantTimeEqual((*keys)[0]->symmetric_key.view(), (*right)[0]->symmetric_key.view()));
      }
    }
  }
  EXPECT_GT(refused, 3 * packet.size() / 2);
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

TEST(LayerKeys, TheOwnerNamesPrivateKeysInTheImageSettings) {
  const Json good = {{"decryption_key_uris", {"kbs:///a/b/c", "kbs:///a/b/d"}}};
  ASSERT_OK_AND_ASSIGN(ImageSettings settings, ParseImageSettings(good, "[image]"));
  ImagePullerOptions options;
  ASSERT_OK(LoadImageSettings(settings, Documents(nullptr), &options));
  EXPECT_EQ(options.private_key_uris, settings.decryption_key_uris);
  EXPECT_STATUS(ParseImageSettings({{"decryption_key_uris", {"file:///a"}}}, "[image]"),
                kInvalidArgument, "[image]: decryption_key_uris: key URI 'file:///a'");
  EXPECT_STATUS(ParseImageSettings({{"decryption_key_uris", "kbs:///a/b/c"}}, "[image]"),
                kInvalidArgument, "decryption_key_uris");
  const std::vector<std::string> most(kMaxKeysPerImage, "kbs:///a/b/c");
  EXPECT_OK(ParseImageSettings({{"decryption_key_uris", most}}, "[image]"));
  const std::vector<std::string> more(kMaxKeysPerImage + 1, "kbs:///a/b/c");
  EXPECT_STATUS(ParseImageSettings({{"decryption_key_uris", more}}, "[image]"), kInvalidArgument,
                "33 keys");
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

// The layers that are encrypted for public keys share one key, which is asked for once; a key the
// caller has is tried before anybody is asked.
TEST_F(JweTest, OneQuestionForAllLayersAndNoneWithAKeyAtHand) {
  image_.manifest["layers"].push_back(image_.manifest["layers"][0]);
  KeyTable table({{"kbs:///default/private/1", pem_}});
  EXPECT_OK(Unwrap(image_, {&table, {"kbs:///default/private/1"}}));
  EXPECT_EQ(table.calls, 1);
  LayerKeyOptions options{&table, {"kbs:///default/private/1"}};
  ASSERT_OK_AND_ASSIGN(crypto::PrivateKey key, ParsePrivateKey(pem_));
  options.private_keys.push_back({"own key", std::move(key)});
  EXPECT_OK(Unwrap(image_, options));
  EXPECT_EQ(table.calls, 1);
}

TEST_F(JweTest, EveryKeyTriedIsInTheError) {
  auto other = crypto::PrivateKey::GenerateEc(crypto::Curve::kP256);
  KeyTable table({{"kbs:///default/private/2", ToBytes(other->ToPem()->view())},
                  {"kbs:///default/private/3", ToBytes("not PEM")}});
  image_.manifest["layers"][0]["annotations"]["org.opencontainers.image.enc.keys.pgp"] = "AAAA";
  const auto keys = Unwrap(image_, {&table,
                                    {"kbs:///default/private/1", "kbs:///default/private/2",
                                     "kbs:///default/private/3"}});
  for (const char* part :
       {"pgp: not supported", "key kbs:///default/private/1: attestation refused",
        "jwe with kbs:///default/private/2: JWE: not for this key, or changed",
        "key kbs:///default/private/3: "}) {
    EXPECT_STATUS(keys, kPermissionDenied, part);
  }
}

TEST_F(JweTest, JsonWebKeysAreKeysToo) {
  ASSERT_OK_AND_ASSIGN(crypto::PrivateKey key, ParsePrivateKey(pem_));
  EXPECT_STATUS(ParsePrivateKey(AsBytes(crypto::PublicKeyToJwk(key.public_key())->dump())),
                kInvalidArgument, "'d' is missing");
  EXPECT_STATUS(ParsePrivateKey(AsBytes("{")), kInvalidArgument, "JWK");
  EXPECT_STATUS(ParsePrivateKey(AsBytes(R"({"kty":"oct","k":"AAAA"})")), kInvalidArgument, "JWK");
  EXPECT_STATUS(ParsePrivateKey({}), kInvalidArgument, "");
}

TEST_F(JweTest, Pkcs7ForACertificate) {
  ASSERT_OK_AND_ASSIGN(const crypto::PrivateKey rsa, crypto::PrivateKey::GenerateRsa(2048));
  crypto::CertificateRequest request;
  request.subject = {{"CN", "owner"}};
  request.not_after = 4'000'000'000;
  ASSERT_OK_AND_ASSIGN(const crypto::Certificate certificate,
                       crypto::MakeCertificate(request, rsa.public_key(), nullptr, rsa,
                                               crypto::SignatureScheme::kRsaPssSha256));
  LayerKey layer_key;
  layer_key.symmetric_key = SecretBytes(32);
  layer_key.nonce = Bytes(16);
  ASSERT_OK_AND_ASSIGN(
      Bytes message, crypto::Pkcs7Seal({&certificate, 1}, FormatPrivateOptions(layer_key)->view()));
  auto& annotations = image_.manifest["layers"][0]["annotations"];
  annotations.erase(std::string(kJweAnnotation));
  annotations[std::string(kPkcs7Annotation)] = Base64Encode(message);
  KeyTable table({{"kbs:///default/private/rsa", ToBytes(rsa.ToPem()->view())},
                  {"kbs:///default/private/ec", pem_}});
  EXPECT_OK(Unwrap(image_, {&table, {"kbs:///default/private/rsa"}}));
  EXPECT_STATUS(Unwrap(image_, {&table, {"kbs:///default/private/ec"}}), kUnauthenticated,
                "pkcs7 with kbs:///default/private/ec: PKCS#7: not for this key, or changed");
  EXPECT_STATUS(Unwrap(image_, {&table, {}}), kFailedPrecondition, "no private key is configured");
  message[message.size() / 2] ^= 1;
  annotations[std::string(kPkcs7Annotation)] = Base64Encode(message);
  EXPECT_FALSE(Unwrap(image_, {&table, {"kbs:///default/private/rsa"}}).ok());
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
