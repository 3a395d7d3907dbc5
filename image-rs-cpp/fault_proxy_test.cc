// Connections cut at random places, hundreds of times: no pull gives a wrong byte, and none leaves
// anything behind.
#include "image-rs-cpp/testing/fault_proxy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <random>

#include "base/file.h"
#include "base/strings.h"
#include "image-rs-cpp/image_puller.h"
#include "image-rs-cpp/testing/file_tree.h"
#include "image-rs-cpp/testing/key_table.h"
#include "image-rs-cpp/testing/tar_builder.h"
#include "image-rs-cpp/testing/test_registry.h"

namespace nacre::image {
namespace {

using testing::DescribeTree;
using testing::EncryptionKey;
using testing::FaultProxy;
using testing::KeyTable;
using testing::TarBuilder;
using testing::TestImage;
using testing::TestRegistry;

constexpr int kCuts = 500;

size_t OpenFiles() {
  return static_cast<size_t>(
      std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}));
}

// Something that does not compress, so that there is much to cut.
Bytes Noise(const std::string& name, uint32_t seed) {
  std::mt19937 random(seed);
  TarBuilder tar;
  tar.Add({.path = "./", .type = '5', .mode = 0755}).Folder(name);
  for (int file = 0; file < 8; ++file) {
    std::string content(9000, '\0');
    for (char& c : content) c = static_cast<char>(random());
    tar.File(StrCat(name, "/", file), content);
  }
  return tar.Finish();
}

// All layers' trees as one text; empty when the pull failed in a way that cutting explains.
std::string Pull(const std::string& work_dir, const std::string& host, KeyTable* keys) {
  ImagePullerOptions options;
  options.work_dir = work_dir;
  options.key_resolver = keys;
  options.trust = TrustPolicy::AcceptAnything();
  options.registry.insecure_registries = {host};
  options.limits.retry_delay_ms = 1;
  auto puller = ImagePuller::Create(std::move(options));
  EXPECT_TRUE(puller.ok()) << puller.status();
  if (!puller.ok()) return "";
  auto image = (*puller)->Pull(host + "/demo/app:1");
  EXPECT_TRUE(std::filesystem::is_empty(work_dir + "/staging"));
  if (!image.ok()) {
    const absl::Status& status = image.status();
    EXPECT_TRUE(absl::IsUnavailable(status) || absl::IsDataLoss(status)) << status;
    EXPECT_TRUE(Message(status).starts_with("image " + host)) << status;
    return "";
  }
  std::string out;
  for (const auto& layer : image->layers) StrAppend(&out, DescribeTree(layer->path), "\n");
  return out;
}

TEST(FaultProxyTest, NoCutGivesAWrongByteOrALeak) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root: changes owners";
  auto folder = TemporaryDirectory::Create("faults");
  ASSERT_TRUE(folder.ok());
  auto registry = TestRegistry::Start();
  ASSERT_TRUE(registry.ok()) << registry.status();
  TestImage image;
  image.AddEncryptedLayer(Noise("encrypted", 1), EncryptionKey())
      .AddLayer(Noise("zstd", 2), Compression::kZstd)
      .AddEncryptedLayer(Noise("plain", 3), EncryptionKey(), Compression::kNone)
      .AddLayer(Noise("gzip", 4))
      .Seal();
  (*registry)->Push(image, "1");
  KeyTable keys({{EncryptionKey().key_id, EncryptionKey().kek}});
  const std::string expected = Pull(folder->path() + "/good", (*registry)->host(), &keys);
  ASSERT_FALSE(expected.empty());

  auto proxy = FaultProxy::Start((*registry)->host(), 250'000, 1);
  ASSERT_TRUE(proxy.ok()) << proxy.status();
  int whole = 0, pulls = 0;
  size_t files = 0, memory = 0;
  for (; (*proxy)->cuts() < kCuts && pulls < 10 * kCuts; ++pulls) {
    const std::string work = StrCat(folder->path(), "/work");
    const std::string got = Pull(work, (*proxy)->host(), &keys);
    if (!got.empty()) {
      ++whole;
      ASSERT_EQ(got, expected);
    }
    // The first pulls are for what is made once and kept.
    if (pulls == 20) {
      files = OpenFiles();
      memory = mallinfo2().uordblks;
    }
  }
  EXPECT_GE((*proxy)->cuts(), kCuts);
  EXPECT_GT(whole, 0);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (((*proxy)->open() != 0 || OpenFiles() > files) && std::chrono::steady_clock::now() < end) {
    std::this_thread::yield();
  }
  EXPECT_LE(OpenFiles(), files);
  EXPECT_LT(mallinfo2().uordblks, memory + (2 << 20));
  std::printf("%d cuts in %d pulls, of which %d came through\n", (*proxy)->cuts(), pulls, whole);
}

}  // namespace
}  // namespace nacre::image
