// The disk ends: at any point of filling it the pull fails with an error that says so, what was
// there stays whole, and nothing of the failed pull stays.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "base/file.h"
#include "base/status_testing.h"
#include "base/strings.h"
#include "image-rs-cpp/image_puller.h"
#include "image-rs-cpp/testing/tar_builder.h"
#include "image-rs-cpp/testing/test_registry.h"

namespace nacre::image {
namespace {

using ::testing::HasSubstr;
using testing::TarBuilder;
using testing::TestImage;

size_t Count(const std::string& folder) {
  return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

class FullDiskTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: mounts a small tmpfs";
    folder_.emplace(*TemporaryDirectory::Create("full"));
    disk_ = folder_->path() + "/disk";
    ASSERT_OK(MakeDirectories(disk_));
  }

  // Runs `test` where a tmpfs with these options is mounted, that nobody else sees and that goes
  // with the thread.
  template <typename Test>
  void WithDisk(const std::string& options, const Test& test) {
    std::thread([&] {
      ASSERT_EQ(unshare(CLONE_NEWNS), 0);
      ASSERT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
      ASSERT_EQ(mount("tmpfs", disk_.c_str(), "tmpfs", 0, options.c_str()), 0);
      test();
    }).join();
  }

  std::optional<TemporaryDirectory> folder_;
  std::string disk_;
};

TEST_F(FullDiskTest, ThePullSaysSoAndTheStoreIsIntact) {
  ASSERT_OK_AND_ASSIGN(auto registry, testing::TestRegistry::Start());
  const Bytes base = TarBuilder().File("base", "base").Finish();
  const Bytes large = TarBuilder().File("large/file", std::string(12 << 20, 'x')).Finish();
  TestImage small, big;
  registry->Push(small.AddLayer(base).Seal(), "small");
  registry->Push(big.AddLayer(base).AddLayer(large).Seal(), "big");
  ImagePullerOptions options;
  options.work_dir = disk_ + "/image";
  options.registry.insecure_registries = {registry->host()};
  options.trust = TrustPolicy::AcceptAnything();
  options.limits.retry_delay_ms = 1;
  WithDisk("size=4m", [&] {
    auto puller = ImagePuller::Create(options);
    ASSERT_OK(puller.status());
    auto first = (*puller)->Pull(registry->Reference("small"));
    ASSERT_OK(first.status());
    const absl::Status status = (*puller)->Pull(registry->Reference("big")).status();
    EXPECT_STATUS(status, kResourceExhausted, "No space left on device");
    const std::string text(Message(status));
    EXPECT_THAT(text, HasSubstr(registry->Reference("big")));
    EXPECT_THAT(text, HasSubstr(big.manifest["layers"][1]["digest"].get<std::string>()));
    EXPECT_THAT(text, HasSubstr("large/file"));
    EXPECT_EQ(Count(disk_ + "/image/staging"), 0u);
    EXPECT_EQ(Count(disk_ + "/image/layers"), 1u);
    EXPECT_EQ(ReadTextFile(first->layers[0]->path + "/base", 10).value_or("?"), "base");
    // The room is there again, and the layer was not lost.
    const size_t requests = registry->CountRequests("/blobs/");
    EXPECT_OK(WriteFile(disk_ + "/filler", Bytes(3 << 20)));
    EXPECT_OK((*puller)->Pull(registry->Reference("small")).status());
    EXPECT_EQ(registry->CountRequests("/blobs/"), requests + 1);  // the configuration
  });
}

TEST_F(FullDiskTest, AStoreThatKeepsIsWholeWhereverTheDiskEnds) {
  size_t failed = 0, stored = 0;
  // By inodes, of which every step takes one.
  for (int inodes = 8; inodes < 40; ++inodes) {
    SCOPED_TRACE(inodes);
    WithDisk(StrCat("size=1m,nr_inodes=", inodes), [&] {
      const std::string work = disk_ + "/image";
      auto id = [](int i) { return BlobDigest::OfSha256(AsBytes(StrCat(i))); };
      auto unpack = [](LayerPlace& at) -> absl::StatusOr<LayerFacts> {
        for (int i = 0; i < 3; ++i) {
          RETURN_IF_ERROR(WriteFile(StrCat(at.folder(), "/", i), AsBytes("x")));
        }
        LayerFacts facts;
        facts.entries = facts.bytes = 3;
        return facts;
      };
      size_t good = 0;
      {
        auto store = LayerStore::Create(work, {.keep = true});
        ASSERT_OK(store.status());
        for (int i = 0; i < 5; ++i) {
          auto layer = (*store)->GetOrUnpack(id(i), unpack);
          if (layer.ok()) {
            ++good;
          } else {
            ++failed;
            EXPECT_THAT(std::string(Message(layer.status())), HasSubstr("No space left"));
          }
          EXPECT_EQ(Count(work + "/staging"), 0u);
          EXPECT_EQ(Count(work + "/layers"), good);
          EXPECT_EQ(Count(work + "/index"), good);
        }
      }
      auto again = LayerStore::Create(work, {.keep = true});
      ASSERT_OK(again.status());
      EXPECT_EQ((*again)->size(), good * (3 + 3 * 1024));
      stored += good;
    });
  }
  EXPECT_GT(failed, 20u);
  EXPECT_GT(stored, 20u);
}

}  // namespace
}  // namespace nacre::image
