#include "image-rs-cpp/testing/refusal_scene.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "absl/strings/ascii.h"
#include "base/status_testing.h"
#include "base/strings.h"
#include "crypto/digest.h"
#include "image-rs-cpp/testing/open_descriptors.h"
#include "image-rs-cpp/testing/tar_builder.h"

namespace nacre::image::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

Bytes Tar(const std::string& name) { return TarBuilder().File(name, name).Finish(); }

bool IsOneLine(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isprint(static_cast<unsigned char>(c)); });
}

}  // namespace

RefusalScene::RefusalScene()
    : registry(*TestRegistry::Start()),
      folder_(*TemporaryDirectory::Create("refusal")),
      keys_({{EncryptionKey().key_id, EncryptionKey().kek}}) {
  good_.AddLayer(Tar("good")).Seal();
  image.AddLayer(Tar("below"));
  limits.retry_delay_ms = 1;
  registry_options.insecure_registries = {registry->host()};
  registry_options.sleep = [](uint32_t) {};
}

void RefusalScene::BadLayer(ByteView tar, Compression compression) {
  image.AddLayer(tar, compression);
  layer = image.manifest["layers"].back()["digest"];
}

void RefusalScene::BadBlob(ByteView blob, std::string_view media_type) {
  image.manifest["layers"].push_back(image.AddBlob(blob, media_type));
  image.config["rootfs"]["diff_ids"].push_back(crypto::OciDigest(blob));
  layer = image.manifest["layers"].back()["digest"];
}

void RefusalScene::Replace(const std::string& digest, const std::string& content) {
  replaced_[digest] = content;
}

absl::StatusOr<PulledImage> RefusalScene::PullGood() {
  return puller_->Pull(registry->Reference("good"));
}

void RefusalScene::ExpectGoodIsWhole() {
  auto pulled = PullGood();
  ASSERT_OK(pulled);
  ASSERT_EQ(pulled->layers.size(), 1u);
  EXPECT_EQ(ReadTextFile(pulled->layers[0]->path + "/good", 10).value_or(""), "good");
  EXPECT_EQ(registry->CountRequests(good_.manifest["layers"][0]["digest"]), 1u);
}

void RefusalScene::ExpectRefused(const Refusal& wanted) {
  ImagePullerOptions options;
  options.work_dir = folder_.path() + "/image";
  options.key_resolver = &keys_;
  options.registry = registry_options;
  options.trust = TrustPolicy::AcceptAnything();
  options.limits = limits;
  options.store = store;
  ASSERT_OK_AND_ASSIGN(puller_, ImagePuller::Create(std::move(options)));
  registry->Push(good_, "good");
  ASSERT_NO_FATAL_FAILURE(ExpectGoodIsWhole());
  if (image.manifest_digest.empty()) image.Seal();
  registry->Push(image, "bad");
  for (const auto& [digest, content] : replaced_) registry->PutBlob(digest, content);

  const size_t descriptors = OpenDescriptors();
  const absl::Status status = puller_->Pull(registry->Reference(tag)).status();
  const std::string message(Message(status));
  EXPECT_EQ(status.code(), wanted.code) << status;
  EXPECT_THAT(message, StartsWith(StrCat("image ", registry->Reference(tag), ": ")));
  EXPECT_THAT(message, HasSubstr(layer));
  for (const std::string& part : wanted.says) EXPECT_THAT(message, HasSubstr(part));
  EXPECT_TRUE(IsOneLine(message)) << message;
  EXPECT_LT(message.size(), 1000u);
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path() + "/image/staging"));
  ExpectGoodIsWhole();
  EXPECT_LE(OpenDescriptors(), descriptors + 8) << "kept connections apart";
}

}  // namespace nacre::image::testing
