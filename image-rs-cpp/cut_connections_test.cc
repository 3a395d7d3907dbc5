// Every connection to the registry is cut at a random point, again and again: what comes out is the
// image, byte for byte, or an error; and nothing of it stays behind.
#include <gtest/gtest.h>
#include <malloc.h>

#include <cstdio>
#include <filesystem>
#include <random>

#include "base/file.h"
#include "base/status_testing.h"
#include "base/strings.h"
#include "image-rs-cpp/image_puller.h"
#include "image-rs-cpp/testing/cutting_proxy.h"
#include "image-rs-cpp/testing/file_tree.h"
#include "image-rs-cpp/testing/key_table.h"
#include "image-rs-cpp/testing/open_descriptors.h"
#include "image-rs-cpp/testing/tar_builder.h"
#include "image-rs-cpp/testing/test_registry.h"

namespace nacre::image {
namespace {

using testing::CuttingProxy;
using testing::EncryptionKey;
using testing::KeyTable;
using testing::OpenDescriptors;
using testing::TestImage;
using testing::TestRegistry;

constexpr uint32_t kWantedCuts = 500;

std::string Noise(std::mt19937* random, size_t size) {
  std::string out(size, '\0');
  for (char& c : out) c = static_cast<char>((*random)());
  return out;
}

class CutConnectionsTest : public ::testing::Test {
 protected:
  CutConnectionsTest() : folder_(*TemporaryDirectory::Create("cuts")) {
    registry_ = *TestRegistry::Start();
    image_.AddLayer(Tar(), Compression::kNone)
        .AddEncryptedLayer(Tar(), EncryptionKey())
        .AddLayer(Tar(), Compression::kZstd)
        .AddEncryptedLayer(Tar(), EncryptionKey(), Compression::kNone)
        .AddLayer(Tar())
        .Seal();
    registry_->Push(image_, "1");
  }

  // Of bytes that do not compress, so that there is something to cut.
  Bytes Tar() { return testing::TarBuilder().File("file", Noise(&random_, 60'000)).Finish(); }

  absl::StatusOr<PulledImage> Pull(const std::string& host) {
    ImagePullerOptions options;
    options.key_resolver = &keys_;
    options.work_dir = folder_.path() + "/image";
    options.registry.insecure_registries = {host};
    options.registry.sleep = [](uint32_t) {};
    options.trust = TrustPolicy::AcceptAnything();
    options.limits.retry_delay_ms = 1;
    puller_.reset();
    ASSIGN_OR_RETURN(puller_, ImagePuller::Create(std::move(options)));
    return puller_->Pull(host + "/demo/app:1");
  }
  // The layers' folders, described, bottom first.
  std::string Describe(const PulledImage& image) {
    std::string out;
    for (const auto& layer : image.layers)
      out += testing::DescribeTree(layer->path, {.folder_times = false}) + "\n";
    return out;
  }

  std::mt19937 random_{20261122};
  KeyTable keys_{{{EncryptionKey().key_id, EncryptionKey().kek}}};
  TemporaryDirectory folder_;
  std::unique_ptr<TestRegistry> registry_;
  TestImage image_;
  std::unique_ptr<ImagePuller> puller_;
};

TEST_F(CutConnectionsTest, NoWrongByteAndNoLeak) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root: layers keep their owners";
  const std::string direct = registry_->host();
  ASSERT_OK_AND_ASSIGN(const PulledImage good, Pull(direct));
  const std::string wanted = Describe(good);
  std::atomic<uint64_t> limit = 80'000;
  std::mutex mutex;
  auto proxy = *CuttingProxy::Start(
      static_cast<uint16_t>(std::stoi(direct.substr(direct.find(':') + 1))), [&] {
        const std::lock_guard lock(mutex);
        return std::uniform_int_distribution<uint64_t>(0, limit)(random_);
      });
  size_t whole = 0, failed = 0, before = 0, memory = 0;
  for (int pulls = 0; proxy->cuts() < kWantedCuts; ++pulls) {
    ASSERT_LT(pulls, 2'000);
    // Sometimes hardly a byte passes, so that pulls fail too.
    limit = pulls % 4 == 0 ? 600 : 80'000;
    const auto image = Pull(proxy->host());
    if (image.ok()) {
      EXPECT_EQ(Describe(*image), wanted);
      ++whole;
    } else {
      const absl::Status& status = image.status();
      EXPECT_TRUE(absl::IsUnavailable(status) || absl::IsDataLoss(status)) << status;
      ++failed;
    }
    EXPECT_TRUE(std::filesystem::is_empty(folder_.path() + "/image/staging"));
    // The first pulls are for what is made once and kept.
    if (pulls == 20) {
      before = OpenDescriptors();
      memory = mallinfo2().uordblks;
    }
  }
  std::printf("%u cuts, %zu pulls whole, %zu failed\n", proxy->cuts(), whole, failed);
  EXPECT_GT(whole, 20u);
  EXPECT_GT(failed, 20u);
  EXPECT_LE(OpenDescriptors(), before + 16);
  EXPECT_LT(mallinfo2().uordblks, memory + (4 << 20));
}

}  // namespace
}  // namespace nacre::image
