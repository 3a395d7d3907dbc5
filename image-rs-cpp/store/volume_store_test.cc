// The store with layers in volumes: when a layer is one, who makes way, and what is given back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <thread>

#include "base/file.h"
#include "base/status_testing.h"
#include "base/strings.h"
#include "image-rs-cpp/store/layer_store.h"
#include "image-rs-cpp/testing/file_volumes.h"
#include "image-rs-cpp/testing/tar_builder.h"
#include "image-rs-cpp/unpack/tar_reader.h"

namespace nacre::image {
namespace {

using ::testing::HasSubstr;
using testing::TarBuilder;

BlobDigest Id(int number) { return BlobDigest::OfSha256(AsBytes(StrCat("layer ", number))); }

// Data, one leaf, the superblock, the inodes.
constexpr uint64_t kBeside = 3 * kVolumeBlock;

class VolumeStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = testing::WhyNoVolumes(); !why.empty()) GTEST_SKIP() << why;
    folder_.emplace(*TemporaryDirectory::Create("volume_store"));
    Open(1 << 30);
  }
  void Open(uint64_t capacity, uint64_t max_size = 0) {
    store_.reset();
    volumes_.emplace(StrCat(folder_->path(), "/volumes", runs_++), capacity);
    auto store = LayerStore::Create(folder_->path() + "/image",
                                    {.max_size = max_size, .volumes = &*volumes_});
    ASSERT_OK(store.status());
    store_ = *std::move(store);
  }
  // A layer of one file of so many blocks.
  static LayerStore::Unpack File(int number, size_t blocks = 1) {
    return [number, blocks](LayerPlace& place) -> absl::StatusOr<LayerFacts> {
      ASSIGN_OR_RETURN(LayerTree* const tree, place.Begin());
      return Fill(number, blocks, tree);
    };
  }
  static absl::StatusOr<LayerFacts> Fill(int number, size_t blocks, LayerTree* tree) {
    const Limits limits;
    UnpackBudget budget(limits);
    LayerApplier applier(tree, limits, &budget);
    TarReader reader(&applier, limits);
    std::string content(blocks * kVolumeBlock, static_cast<char>('0' + number));
    RETURN_IF_ERROR(reader.Write(TarBuilder().File("file", content).Finish()));
    return applier.Finish();
  }
  static absl::StatusOr<LayerFacts> MustNotUnpack(LayerPlace&) {
    return absl::InternalError("was to be in the store");
  }
  static char FirstOf(const StoredLayer& layer) {
    auto text = ReadTextFile(layer.path + "/file", 1 << 20);
    return text.ok() && !text->empty() ? text->front() : '?';
  }

  int runs_ = 0;
  std::optional<TemporaryDirectory> folder_;
  std::optional<testing::FileVolumes> volumes_;
  std::unique_ptr<LayerStore> store_;
};

TEST_F(VolumeStoreTest, SharesALayerAndCountsItsBlocks) {
  ASSERT_OK_AND_ASSIGN(auto first, store_->GetOrUnpack(Id(1), File(1, 5)));
  ASSERT_OK_AND_ASSIGN(auto again, store_->GetOrUnpack(Id(1), MustNotUnpack));
  EXPECT_EQ(first, again);
  EXPECT_EQ(FirstOf(*first), '1');
  EXPECT_EQ(first->size, 5 * kVolumeBlock + kBeside);
  EXPECT_EQ(store_->size(), first->size);
  EXPECT_EQ(volumes_->used(), first->size);
  EXPECT_THAT(std::string(Message(WriteFile(first->path + "/new", AsBytes("x")))),
              HasSubstr("Read-only file system"));
}

TEST_F(VolumeStoreTest, AVolumeOutlivesTheStoreWithWhoHoldsIt) {
  ASSERT_OK_AND_ASSIGN(auto held, store_->GetOrUnpack(Id(1), File(1)));
  ASSERT_OK(store_->GetOrUnpack(Id(2), File(2)).status());
  EXPECT_EQ(volumes_->count(), 2u);
  store_.reset();
  EXPECT_EQ(volumes_->count(), 1u);
  EXPECT_EQ(FirstOf(*held), '1');
  const std::string path = held->path;
  held.reset();
  EXPECT_EQ(volumes_->count(), 0u);
  EXPECT_EQ(volumes_->used(), 0u);
  EXPECT_FALSE(PathExists(path));
}

TEST_F(VolumeStoreTest, AFailedCheckLeavesNothing) {
  auto bad = store_->GetOrUnpack(Id(1), [](LayerPlace& place) -> absl::StatusOr<LayerFacts> {
    ASSIGN_OR_RETURN(LayerTree* const tree, place.Begin());
    RETURN_IF_ERROR(Fill(1, 4, tree).status());
    return absl::DataLossError("the diffID is another");
  });
  EXPECT_STATUS(bad, kDataLoss, "another");
  EXPECT_EQ(volumes_->count(), 0u);
  EXPECT_EQ(store_->size(), 0u);
  EXPECT_FALSE(PathExists(folder_->path() + "/volumes0/at/0"));
  // The next one may try.
  EXPECT_OK(store_->GetOrUnpack(Id(1), File(1)).status());
}

TEST_F(VolumeStoreTest, ASecondAttemptHasANewVolume) {
  ASSERT_OK_AND_ASSIGN(
      auto layer, store_->GetOrUnpack(Id(1), [&](LayerPlace& place) -> absl::StatusOr<LayerFacts> {
        ASSIGN_OR_RETURN(LayerTree * tree, place.Begin());
        RETURN_IF_ERROR(Fill(7, 100, tree).status());
        ASSIGN_OR_RETURN(tree, place.Begin());
        EXPECT_EQ(volumes_->used(), 0u);
        return Fill(1, 1, tree);
      }));
  EXPECT_EQ(FirstOf(*layer), '1');
  EXPECT_EQ(volumes_->count(), 1u);
  EXPECT_EQ(store_->size(), kVolumeBlock + kBeside);
}

TEST_F(VolumeStoreTest, AVolumeThatDoesNotMountIsNoLayer) {
  volumes_->FailMounts();
  EXPECT_STATUS(store_->GetOrUnpack(Id(1), File(1)), kInternal,
                StrCat("layer with the diffID ", Id(1).text(), ": the layer's volume"));
  EXPECT_EQ(volumes_->count(), 0u);
  EXPECT_EQ(store_->size(), 0u);
  // Nor one that nobody began.
  auto nothing = [](LayerPlace&) { return absl::StatusOr<LayerFacts>(LayerFacts()); };
  EXPECT_STATUS(store_->GetOrUnpack(Id(1), nothing), kInternal, "nothing was unpacked");
}

TEST_F(VolumeStoreTest, TheLongestUnusedMakeWay) {
  const uint64_t each = 10 * kVolumeBlock + kBeside;
  Open(3 * each);
  ASSERT_OK_AND_ASSIGN(auto held, store_->GetOrUnpack(Id(1), File(1, 10)));
  ASSERT_OK(store_->GetOrUnpack(Id(2), File(2, 10)).status());
  ASSERT_OK(store_->GetOrUnpack(Id(3), File(3, 10)).status());
  ASSERT_OK(store_->GetOrUnpack(Id(2), MustNotUnpack).status());
  ASSERT_OK(store_->GetOrUnpack(Id(4), File(4, 10)).status());
  EXPECT_EQ(store_->size(), 3 * each);
  EXPECT_EQ(volumes_->count(), 3u);
  EXPECT_FALSE(store_->GetOrUnpack(Id(3), MustNotUnpack).ok());
  ASSERT_OK(store_->GetOrUnpack(Id(2), MustNotUnpack).status());
  EXPECT_EQ(FirstOf(*held), '1');
  // All that nobody holds may go, and no more.
  ASSERT_OK(store_->GetOrUnpack(Id(5), File(5, 20 + 3)).status());
  EXPECT_EQ(volumes_->count(), 2u);
  EXPECT_STATUS(store_->GetOrUnpack(Id(6), File(6, 20 + 4)), kResourceExhausted,
                StrCat("room for: ", 3 * each));
  EXPECT_EQ(FirstOf(*held), '1');
  EXPECT_EQ(volumes_->count(), 1u);
  EXPECT_EQ(store_->size(), each);
}

TEST_F(VolumeStoreTest, HasRoomForLessWhereTheOwnerSaysSo) {
  Open(1 << 30, 8 * kVolumeBlock + kBeside);
  EXPECT_OK(store_->GetOrUnpack(Id(1), File(1, 8)).status());
  EXPECT_STATUS(store_->GetOrUnpack(Id(2), File(2, 9)), kResourceExhausted, "have room for");
  EXPECT_EQ(store_->Room(), UnpackBudget::kUnlimited);
}

// Volumes that say they can hold more than they can, as those do that give out room in large
// pieces.
class Boastful : public LayerVolumes {
 public:
  explicit Boastful(LayerVolumes* volumes) : volumes_(volumes) {}
  absl::StatusOr<std::unique_ptr<LayerVolume>> New() override { return volumes_->New(); }
  uint64_t capacity() const override { return 2 * volumes_->capacity(); }

 private:
  LayerVolumes* volumes_;
};

TEST_F(VolumeStoreTest, MakesRoomAlsoWhenTheVolumesAreFullBeforeTheirTime) {
  const uint64_t each = 10 * kVolumeBlock + kBeside;
  testing::FileVolumes few(folder_->path() + "/few", 3 * each);
  Boastful volumes(&few);
  ASSERT_OK_AND_ASSIGN(auto store,
                       LayerStore::Create(folder_->path() + "/other", {.volumes = &volumes}));
  ASSERT_OK_AND_ASSIGN(auto held, store->GetOrUnpack(Id(0), File(0, 10)));
  for (int i = 1; i < 6; ++i) ASSERT_OK(store->GetOrUnpack(Id(i), File(i, 10)).status());
  EXPECT_EQ(few.count(), 3u);
  EXPECT_EQ(store->size(), 3 * each);
  EXPECT_EQ(FirstOf(*held), '0');
  EXPECT_STATUS(store->GetOrUnpack(Id(9), File(9, 30)), kResourceExhausted, "disk is full");
  EXPECT_EQ(few.used(), each);
  EXPECT_EQ(store->size(), each);
}

TEST_F(VolumeStoreTest, ThreadsShareTheRoom) {
  Open(40 * kVolumeBlock);
  volumes_->SkipTools();
  std::atomic<int> good = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 20; ++i) {
          auto layer = store_->GetOrUnpack(Id((t + i) % 7), File((t + i) % 7, 4));
          if (!layer.ok()) {
            EXPECT_STATUS(layer.status(), kResourceExhausted, "room for");
            continue;
          }
          EXPECT_EQ(FirstOf(**layer), '0' + (t + i) % 7);
          ++good;
        }
      });
    }
  }
  EXPECT_GT(good, 40);
  EXPECT_EQ(store_->size(), volumes_->used());
  ASSERT_OK(store_->Collect(0));
  EXPECT_EQ(volumes_->count(), 0u);
  EXPECT_EQ(store_->size(), 0u);
}

TEST_F(VolumeStoreTest, CannotBeKept) {
  EXPECT_STATUS(
      LayerStore::Create(folder_->path() + "/kept", {.keep = true, .volumes = &*volumes_}),
      kInvalidArgument, "cannot be kept");
}

}  // namespace
}  // namespace nacre::image
