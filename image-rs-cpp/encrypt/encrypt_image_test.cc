#include "image-rs-cpp/encrypt/encrypt_image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/strings.h"
#include "image-rs-cpp/decrypt/layer_keys.h"
#include "image-rs-cpp/encrypt/oci_layout.h"
#include "image-rs-cpp/testing/key_table.h"
#include "image-rs-cpp/testing/tar_builder.h"
#include "image-rs-cpp/testing/test_image.h"

namespace nacre::image {
namespace {

using ::testing::HasSubstr;
using testing::KeyTable;
using testing::TarBuilder;
using testing::TestImage;

constexpr const char* kKeyId = "kbs:///default/image-key/1";

class EncryptImageTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = TemporaryDirectory::Create("encrypt");
    ASSERT_TRUE(made.ok());
    folder_.emplace(*std::move(made));
    image_.AddLayer(TarBuilder().File("a", std::string(200'000, 'a')).Finish());
    image_.AddLayer(TarBuilder().File("b", "b").Finish(), Compression::kZstd);
    image_.manifest["annotations"] = {{"org.example.note", "stays"}};
    Write(image_.Seal());
    request_.layout = Path("source");
    request_.tag = "1";
    request_.output = Path("out");
    request_.key_id = kKeyId;
    request_.key = SecretBytes::CopyOf(Bytes(32, 0x31));
  }

  std::string Path(const std::string& name) { return folder_->path() + "/" + name; }

  void Write(const TestImage& image) {
    ASSERT_TRUE(RemoveTree(Path("source")).ok());
    auto layout = OciLayout::Create(Path("source"), {});
    ASSERT_TRUE(layout.ok()) << layout.status();
    std::optional<Descriptor> manifest;
    for (const auto& [digest, content] : image.blobs) {
      auto added = layout->AddBlob(
          [&text = content](OciLayout::OnBytes write) { return write(AsBytes(text)); });
      ASSERT_TRUE(added.ok()) << added.status();
      if (digest == image.manifest_digest) manifest.emplace(*added);
    }
    manifest->media_type = image.manifest_type;
    ASSERT_TRUE(layout->WriteIndex(*manifest, "1").ok());
  }

  absl::Status Refusal() {
    absl::Status status = EncryptImage(request_).status();
    EXPECT_FALSE(status.ok());
    EXPECT_FALSE(PathExists(request_.output));
    return status;
  }

  std::optional<TemporaryDirectory> folder_;
  TestImage image_;
  EncryptRequest request_;
};

TEST_F(EncryptImageTest, WhatComesOutOpensToWhatWentIn) {
  auto encrypted = EncryptImage(request_);
  ASSERT_TRUE(encrypted.ok()) << encrypted.status();
  auto layout = OciLayout::Open(request_.output, {});
  ASSERT_TRUE(layout.ok());
  auto tagged = layout->FindTag("1");
  ASSERT_TRUE(tagged.ok()) << tagged.status();
  EXPECT_EQ(tagged->digest.text(), encrypted->manifest_digest);
  auto text = layout->ReadBlob(*tagged, 1 << 20);
  ASSERT_TRUE(text.ok());
  EXPECT_THAT(*text, HasSubstr("org.example.note"));
  auto manifest = ParseManifest(*text, {});
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_EQ(manifest->config.digest.text(), image_.manifest["config"]["digest"]);
  EXPECT_EQ(manifest->layers[0].media_type,
            "application/vnd.oci.image.layer.v1.tar+gzip+encrypted");
  EXPECT_EQ(manifest->layers[1].media_type,
            "application/vnd.oci.image.layer.v1.tar+zstd+encrypted");
  KeyTable table({{kKeyId, Bytes(32, 0x31)}});
  auto keys = UnwrapLayerKeys(manifest->layers, {&table, {}});
  ASSERT_TRUE(keys.ok()) << keys.status();
  EXPECT_FALSE(
      ConstantTimeEqual((*keys)[0]->symmetric_key.view(), (*keys)[1]->symmetric_key.view()));
  for (size_t i = 0; i < 2; ++i) {
    const std::string plain_digest = image_.manifest["layers"][i]["digest"];
    EXPECT_EQ((*keys)[i]->plain_digest, plain_digest);
    auto decryptor = LayerDecryptor::Create(*(*keys)[i]);
    std::string plain;
    ASSERT_TRUE(layout
                    ->StreamBlob(manifest->layers[i],
                                 [&](ByteView piece) {
                                   Bytes out(piece.size());
                                   RETURN_IF_ERROR(decryptor->Write(piece, out));
                                   plain += AsText(out);
                                   return absl::OkStatus();
                                 })
                    .ok());
    EXPECT_TRUE(decryptor->Finish().ok());
    EXPECT_EQ(plain, image_.blobs.at(plain_digest));
  }
}

TEST_F(EncryptImageTest, RefusesAWrongRequest) {
  request_.tag = "2";
  EXPECT_THAT(std::string(Message(Refusal())), HasSubstr("it has 1"));
  request_.tag = "1";
  request_.key_id = "kbs:///";
  EXPECT_TRUE(absl::IsInvalidArgument(Refusal()));
  request_.key_id = kKeyId;
  request_.key = SecretBytes(16);
  EXPECT_TRUE(absl::IsInvalidArgument(Refusal()));
  request_.key = SecretBytes(32);
  request_.layout = Path("nowhere");
  EXPECT_TRUE(absl::IsNotFound(Refusal()));
}

TEST_F(EncryptImageTest, LeavesAnExistingFolderAlone) {
  request_.output = request_.layout;
  EXPECT_TRUE(absl::IsAlreadyExists(EncryptImage(request_).status()));
  EXPECT_TRUE(PathExists(request_.layout + "/index.json"));
  request_.output = request_.layout + "/index.json";
  EXPECT_TRUE(absl::IsAlreadyExists(EncryptImage(request_).status()));
}

TEST_F(EncryptImageTest, RefusesADamagedLayout) {
  const std::string digest = image_.manifest["layers"][0]["digest"];
  const std::string blob = Path("source") + "/blobs/sha256/" + digest.substr(7);
  std::string changed = image_.blobs.at(digest);
  changed[9] ^= 1;
  ASSERT_TRUE(WriteFile(blob, AsBytes(changed)).ok());
  EXPECT_TRUE(absl::IsDataLoss(Refusal()));
  ASSERT_TRUE(WriteFileAtomic(blob, AsBytes(changed.substr(1))).ok());
  EXPECT_TRUE(absl::IsDataLoss(Refusal()));
  ASSERT_TRUE(RemoveTree(blob).ok());
  EXPECT_TRUE(absl::IsNotFound(Refusal()));
}

TEST_F(EncryptImageTest, RefusesToEncryptTwiceOrAnIndex) {
  ASSERT_TRUE(EncryptImage(request_).ok());
  request_.layout = request_.output;
  request_.output = Path("twice");
  EXPECT_THAT(std::string(Message(Refusal())), HasSubstr("encrypted already"));
  image_.manifest_type = kOciIndex;
  Write(image_);
  request_.layout = Path("source");
  EXPECT_THAT(std::string(Message(Refusal())), HasSubstr("only a single image"));
}

}  // namespace
}  // namespace nacre::image
