#include "image-rs-cpp/encrypt/encrypt_image.h"

#include <gmock/gmock.h>

#include "base/encoding.h"
#include "base/file.h"
#include "base/status_testing.h"
#include "image-rs-cpp/encrypt/decrypt_image.h"
#include "image-rs-cpp/encrypt/oci_layout.h"
#include "image-rs-cpp/encrypt/owner_keys.h"
#include "image-rs-cpp/testing/layout.h"
#include "image-rs-cpp/testing/tar_builder.h"
#include "image-rs-cpp/testing/test_image.h"

namespace nacre::image {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::ReadLayers;
using testing::ReadLayout;
using testing::TarBuilder;
using testing::TestImage;
using testing::WriteLayout;

constexpr const char* kLayer = "application/vnd.oci.image.layer.v1.tar";

// An image of three layers in the layout "source", tag 1, and two key files.
class EncryptImageTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(TemporaryDirectory made, TemporaryDirectory::Create("encrypt"));
    folder_.emplace(std::move(made));
    image_.AddLayer(TarBuilder().File("a", std::string(200'000, 'a')).Finish());
    image_.AddLayer(TarBuilder().File("b", "b").Finish(), Compression::kZstd);
    image_.AddLayer(TarBuilder().File("c", "c").Finish(), Compression::kNone);
    image_.manifest["annotations"] = {{"org.example.note", "stays"}};
    image_.manifest["layers"][0]["annotations"] = {{"org.example.layer", "stays too"}};
    ASSERT_OK(WriteLayout(image_.Seal(), Path("source"), "1"));
    ASSERT_OK(WriteFile(Path("one.key"), Bytes(32, 1)));
    ASSERT_OK(WriteFile(Path("two.key"), Bytes(32, 2)));
    ASSERT_OK_AND_ASSIGN(plain_, ReadLayers(Path("source"), "1"));
  }

  std::string Path(const std::string& name) const { return folder_->path() + "/" + name; }
  std::string Provider(const std::string& key, const std::string& name = "kbs:///a/b/c") const {
    return "provider:attestation-agent:keyid=" + name + "::keypath=" + Path(key);
  }

  struct Call {
    std::string from = "source:1";
    std::string to = "out:1";
    std::vector<std::string> recipients;
    std::vector<std::string> keys = {};
    std::vector<int> layers = {};
    Platform platform = {};
  };

  absl::StatusOr<EncryptedImage> Encrypt(const Call& call) const {
    ASSIGN_OR_RETURN(auto source, OpenImageSource("oci:" + Path(call.from), {}));
    EncryptRequest request;
    request.image = {source.get(), "oci:" + Path(call.to), call.platform, {}};
    for (const std::string& recipient : call.recipients) {
      RETURN_IF_ERROR(request.recipients.Add(recipient));
    }
    OwnerKeys keys;
    for (const std::string& key : call.keys) RETURN_IF_ERROR(keys.Add(key));
    if (!keys.empty()) request.known_keys = keys.TakeOptions();
    request.layers = call.layers;
    return EncryptImage(request);
  }

  absl::StatusOr<DecryptedImage> Decrypt(const std::vector<std::string>& keys,
                                         const std::string& from = "out:1",
                                         const std::string& to = "plain:1") const {
    ASSIGN_OR_RETURN(auto source, OpenImageSource("oci:" + Path(from), {}));
    OwnerKeys owner;
    for (const std::string& key : keys) RETURN_IF_ERROR(owner.Add(key));
    return DecryptImage({source.get(), "oci:" + Path(to), {}, {}}, owner.TakeOptions());
  }

  std::string KeyPath(const std::string& key) const {
    return "provider:attestation-agent:keypath=" + Path(key);
  }
  std::vector<std::string> MediaTypes(const std::string& folder) const {
    std::vector<std::string> out;
    const Manifest manifest = *ReadLayout(Path(folder), "1");
    for (const Descriptor& layer : manifest.layers) out.push_back(layer.media_type);
    return out;
  }

  std::optional<TemporaryDirectory> folder_;
  TestImage image_;
  std::vector<std::string> plain_;
};

TEST_F(EncryptImageTest, WhatComesOutOpensToWhatWentIn) {
  ASSERT_OK_AND_ASSIGN(EncryptedImage encrypted, Encrypt({.recipients = {Provider("one.key")}}));
  EXPECT_EQ(encrypted.layers, 3u);
  EXPECT_THAT(MediaTypes("out"),
              ElementsAre("application/vnd.oci.image.layer.v1.tar+gzip+encrypted",
                          "application/vnd.oci.image.layer.v1.tar+zstd+encrypted",
                          "application/vnd.oci.image.layer.v1.tar+encrypted"));
  ASSERT_OK_AND_ASSIGN(std::vector<std::string> sealed, ReadLayers(Path("out"), "1"));
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(sealed[i].size(), plain_[i].size());
    EXPECT_NE(sealed[i], plain_[i]);
  }
  ASSERT_OK_AND_ASSIGN(DecryptedImage decrypted, Decrypt({KeyPath("one.key")}));
  EXPECT_EQ(decrypted.layers, 3u);
  EXPECT_EQ(*ReadLayers(Path("plain"), "1"), plain_);
  EXPECT_EQ(decrypted.manifest_digest, image_.manifest_digest);
}

TEST_F(EncryptImageTest, AnnotationsOfImageAndLayersStay) {
  ASSERT_OK(Encrypt({.recipients = {Provider("one.key")}}).status());
  ASSERT_OK_AND_ASSIGN(OciLayout layout, OciLayout::Open(Path("out"), {}));
  ASSERT_OK_AND_ASSIGN(Descriptor tagged, layout.FindTag("1"));
  ASSERT_OK_AND_ASSIGN(Descriptor only, layout.OnlyImage());
  EXPECT_EQ(only.digest, tagged.digest);
  EXPECT_THAT(*layout.ReadBlob(tagged, 1 << 20), HasSubstr("org.example.note"));
  ASSERT_OK_AND_ASSIGN(Manifest manifest, ReadLayout(Path("out"), "1"));
  EXPECT_EQ(manifest.layers[0].annotations.at("org.example.layer"), "stays too");
  EXPECT_EQ(manifest.config.digest.text(), image_.manifest["config"]["digest"]);
}

TEST_F(EncryptImageTest, AnyRecipientOpensIt) {
  ASSERT_OK(Encrypt({.recipients = {Provider("one.key", "kbs:///a/b/one"),
                                    Provider("two.key", "kbs:///a/b/two")}})
                .status());
  EXPECT_OK(Decrypt({KeyPath("one.key")}, "out:1", "p1:1").status());
  EXPECT_OK(Decrypt({KeyPath("two.key")}, "out:1", "p2:1").status());
  EXPECT_OK(Decrypt({KeyPath("two.key") + "::keyid=kbs:///a/b/two"}, "out:1", "p3:1").status());
  const auto wrong = Decrypt({KeyPath("two.key") + "::keyid=kbs:///a/b/one"}, "out:1", "p4:1");
  EXPECT_STATUS(wrong, kUnauthenticated, "kbs:///a/b/one");
  EXPECT_STATUS(wrong, kUnauthenticated, "kbs:///a/b/two");
  EXPECT_FALSE(PathExists(Path("p4")));
}

TEST_F(EncryptImageTest, OnlyTheLayersChosen) {
  ASSERT_OK(
      Encrypt({.to = "a:1", .recipients = {Provider("one.key")}, .layers = {0, -1}}).status());
  EXPECT_THAT(MediaTypes("a"), ElementsAre(HasSubstr("+encrypted"), std::string(kLayer) + "+zstd",
                                           HasSubstr("+encrypted")));
  ASSERT_OK_AND_ASSIGN(DecryptedImage decrypted, Decrypt({KeyPath("one.key")}, "a:1"));
  EXPECT_EQ(decrypted.layers, 2u);
  EXPECT_EQ(*ReadLayers(Path("plain"), "1"), plain_);
  for (int number : {3, -4}) {
    EXPECT_STATUS(Encrypt({.to = "b:1", .recipients = {Provider("one.key")}, .layers = {number}}),
                  kInvalidArgument, "the image has 3");
  }
}

TEST_F(EncryptImageTest, RecipientsAreAddedWithAKeyThatOpens) {
  ASSERT_OK(Encrypt({.recipients = {Provider("one.key", "kbs:///a/b/one")}}).status());
  const Call again = {
      .from = "out:1", .to = "more:1", .recipients = {Provider("two.key", "kbs:///a/b/two")}};
  EXPECT_STATUS(Encrypt(again), kFailedPrecondition, "layer 0 is encrypted already");
  Call with_key = again;
  with_key.keys = {KeyPath("two.key")};
  EXPECT_STATUS(Encrypt(with_key), kUnauthenticated, "kbs:///a/b/one");
  EXPECT_FALSE(PathExists(Path("more")));
  with_key.keys = {KeyPath("one.key")};
  ASSERT_OK_AND_ASSIGN(EncryptedImage image, Encrypt(with_key));
  EXPECT_EQ(image.layers, 0u);
  EXPECT_EQ(image.recipients, 3u);
  EXPECT_EQ(*ReadLayers(Path("more"), "1"), *ReadLayers(Path("out"), "1"));
  EXPECT_OK(Decrypt({KeyPath("one.key")}, "more:1", "p1:1").status());
  EXPECT_OK(Decrypt({KeyPath("two.key")}, "more:1", "p2:1").status());
}

TEST_F(EncryptImageTest, DockersNamesBecomeOcis) {
  TestImage docker;
  docker.AddLayer(TarBuilder().File("a", "a").Finish());
  docker.AddLayer(TarBuilder().File("b", "b").Finish());
  docker.manifest_type = kDockerManifest;
  docker.manifest["mediaType"] = kDockerManifest;
  docker.manifest["layers"][0]["mediaType"] = "application/vnd.docker.image.rootfs.diff.tar.gzip";
  docker.manifest["layers"][1]["mediaType"] =
      "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
  docker.Seal();
  ASSERT_OK(WriteLayout(docker, Path("docker"), "1"));
  ASSERT_OK(Encrypt({.from = "docker:1", .recipients = {Provider("one.key")}}).status());
  EXPECT_THAT(
      MediaTypes("out"),
      ElementsAre("application/vnd.oci.image.layer.v1.tar+gzip+encrypted",
                  "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip+encrypted"));
  ASSERT_OK(Decrypt({KeyPath("one.key")}).status());
  EXPECT_EQ(*ReadLayers(Path("plain"), "1"), *ReadLayers(Path("docker"), "1"));
}

TEST_F(EncryptImageTest, OfAnIndexOnePlatform) {
  Json index = {{"schemaVersion", 2}, {"mediaType", kOciIndex}};
  index["manifests"] = {{{"mediaType", kOciManifest},
                         {"digest", image_.manifest_digest},
                         {"size", image_.blobs[image_.manifest_digest].size()},
                         {"platform", {{"os", "linux"}, {"architecture", "amd64"}}}}};
  TestImage all = image_;
  const Json added = all.AddBlob(AsBytes(index.dump()), kOciIndex);
  all.manifest_digest = added["digest"];
  all.manifest_type = kOciIndex;
  ASSERT_OK(WriteLayout(all, Path("index"), "1"));
  ASSERT_OK(Encrypt({.from = "index:1", .recipients = {Provider("one.key")}}).status());
  ASSERT_OK(Decrypt({KeyPath("one.key")}).status());
  EXPECT_EQ(*ReadLayers(Path("plain"), "1"), plain_);
  EXPECT_STATUS(Encrypt({.from = "index:1",
                         .to = "arm:1",
                         .recipients = {Provider("one.key")},
                         .platform = {"linux", "arm64"}}),
                kNotFound, "no image for linux/arm64");
}

TEST_F(EncryptImageTest, ALayoutThatIsThereGetsATag) {
  ASSERT_OK(Encrypt({.to = "source:2", .recipients = {Provider("one.key")}}).status());
  EXPECT_EQ(*ReadLayers(Path("source"), "1"), plain_);
  ASSERT_OK_AND_ASSIGN(Manifest first, ReadLayout(Path("source"), "2"));
  ASSERT_OK(Encrypt({.to = "source:2", .recipients = {Provider("one.key")}}).status());
  ASSERT_OK_AND_ASSIGN(Manifest second, ReadLayout(Path("source"), "2"));
  EXPECT_NE(first.layers[0].digest.text(), second.layers[0].digest.text());
  EXPECT_STATUS(Encrypt({.from = "source", .recipients = {Provider("one.key")}}), kInvalidArgument,
                "several images, say which: 1, 2");
  EXPECT_STATUS(Encrypt({.from = "source:3", .recipients = {Provider("one.key")}}), kNotFound,
                "it has 1, 2");
}

TEST_F(EncryptImageTest, RefusesWhatIsNoPlaceForAnImage) {
  const std::vector<std::string> recipients = {Provider("one.key")};
  EXPECT_STATUS(Encrypt({.from = "nowhere:1", .recipients = recipients}), kNotFound, "nowhere");
  EXPECT_STATUS(Encrypt({.to = "out", .recipients = recipients}), kInvalidArgument, "give a tag");
  EXPECT_STATUS(Encrypt({.to = "out:", .recipients = recipients}), kInvalidArgument,
                "not oci:FOLDER:TAG");
  ASSERT_OK(MakeDirectories(Path("full/x")));
  EXPECT_STATUS(Encrypt({.to = "full:1", .recipients = recipients}), kAlreadyExists,
                "not an empty folder");
  EXPECT_TRUE(PathExists(Path("full/x")));
  EXPECT_STATUS(OpenImageSource("dir:/x", {}), kInvalidArgument, "not oci:FOLDER:TAG");
  EXPECT_STATUS(OpenImageSource("docker://", {}), kInvalidArgument, "");
  EXPECT_STATUS(Encrypt({.recipients = {}}), kInvalidArgument, "no recipients");
}

TEST_F(EncryptImageTest, ADamagedSourceLeavesNothing) {
  const std::string digest = image_.manifest["layers"][0]["digest"];
  const std::string blob = Path("source") + "/blobs/sha256/" + digest.substr(7);
  std::string changed = image_.blobs.at(digest);
  changed[9] ^= 1;
  ASSERT_OK(WriteFile(blob, AsBytes(changed)));
  EXPECT_STATUS(Encrypt({.recipients = {Provider("one.key")}}), kDataLoss, "layer 0");
  ASSERT_OK(WriteFileAtomic(blob, AsBytes(changed.substr(1))));
  EXPECT_STATUS(Encrypt({.recipients = {Provider("one.key")}}), kDataLoss, "layer 0");
  ASSERT_OK(RemoveTree(blob));
  EXPECT_STATUS(Encrypt({.recipients = {Provider("one.key")}}), kNotFound, "layer 0");
  EXPECT_FALSE(PathExists(Path("out")));
}

// Whoever can write the layout but has no key: blob, HMAC and digest before encryption all count.
TEST_F(EncryptImageTest, ChangedCiphertextDoesNotDecrypt) {
  TestImage forged;
  forged.AddEncryptedLayer(AsBytes("some layer"), {"kbs:///a/b/c", Bytes(32, 1)});
  Json& layer = forged.manifest["layers"][0];
  std::string blob = forged.blobs.at(layer["digest"]);
  blob[0] ^= 1;
  Json changed = forged.AddBlob(AsBytes(blob), layer["mediaType"].get<std::string>());
  changed["annotations"] = layer["annotations"];
  layer = changed;
  ASSERT_OK(WriteLayout(forged.Seal(), Path("out"), "1"));
  EXPECT_STATUS(Decrypt({KeyPath("one.key")}), kUnauthenticated, "HMAC does not match");
  EXPECT_FALSE(PathExists(Path("plain")));
}

TEST_F(EncryptImageTest, RecipientsAndKeysAreReadStrictly) {
  Recipients recipients;
  ASSERT_OK(WriteFile(Path("text"), AsBytes("text")));
  EXPECT_STATUS(recipients.Add("jwe:" + Path("none")), kNotFound, "none");
  EXPECT_STATUS(recipients.Add("jwe:" + Path("text")), kInvalidArgument, "text");
  EXPECT_STATUS(recipients.Add("pkcs7:" + Path("text")), kInvalidArgument, "text");
  EXPECT_STATUS(recipients.Add("pgp:me@example.org"), kUnimplemented, "scheme pgp");
  EXPECT_STATUS(recipients.Add("pkcs11:x"), kUnimplemented, "scheme pkcs11");
  for (const char* other : {"", "jwe", "jwe:", "file", "x:y", "Jwe:x"}) {
    EXPECT_STATUS(recipients.Add(other), kInvalidArgument, "want jwe:FILE") << other;
  }
  EXPECT_STATUS(recipients.Add("provider:other:x"), kInvalidArgument, "attestation-agent");
  EXPECT_STATUS(recipients.Add("provider:attestation-agent"), kInvalidArgument, "'keyid'");
  EXPECT_STATUS(recipients.Add("provider:attestation-agent:keyid=kbs:///a/b/c"), kInvalidArgument,
                "'keypath' is missing");
  EXPECT_STATUS(recipients.Add(Provider("one.key", "http://a")), kInvalidArgument, "key URI");
  EXPECT_STATUS(recipients.Add(Provider("text")), kInvalidArgument, "expected 32");
  EXPECT_TRUE(recipients.empty());
  OwnerKeys keys;
  EXPECT_STATUS(keys.Add(Path("none")), kNotFound, "none");
  EXPECT_STATUS(keys.Add(Path("text")), kInvalidArgument, "text");
  EXPECT_STATUS(keys.Add("provider:attestation-agent"), kInvalidArgument, "keypath");
  EXPECT_STATUS(keys.Add("provider:attestation-agent:"), kInvalidArgument, "'keypath' is missing");
  EXPECT_STATUS(keys.Add("provider:other:keypath=x"), kInvalidArgument, "want provider:");
  EXPECT_OK(keys.Add(KeyPath("one.key")));
  EXPECT_STATUS(keys.Add(KeyPath("two.key")), kInvalidArgument, "a second key");
}

}  // namespace
}  // namespace nacre::image
