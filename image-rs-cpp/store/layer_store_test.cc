#include "image-rs-cpp/store/layer_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <random>
#include <system_error>

#include "base/file.h"
#include "base/status_testing.h"
#include "base/strings.h"
#include "image-rs-cpp/store/layer_index.h"

namespace nacre::image {
namespace {

using ::testing::HasSubstr;

BlobDigest Id(int number) { return BlobDigest::OfSha256(AsBytes(StrCat("layer ", number))); }

// A layer of a few files that all say which layer they are of.
LayerStore::Unpack Files(int number, uint64_t bytes = 1000) {
  return [number, bytes](LayerPlace& place) -> absl::StatusOr<LayerFacts> {
    for (int i = 0; i < 5; ++i) {
      RETURN_IF_ERROR(WriteFile(StrCat(place.folder(), "/", i), AsBytes(StrCat(number))));
    }
    LayerFacts facts;
    facts.bytes = bytes;
    facts.implicit_folders = {"", "a\xff\n"};
    facts.outside_links = {{"x", "y"}};
    return facts;
  };
}

absl::StatusOr<LayerFacts> MustNotUnpack(LayerPlace&) {
  return absl::InternalError("was to be in the store");
}

class LayerStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // Keeping a store means syncfs, and on a shared disk that waits for everybody's writing.
    std::string pattern = "/dev/shm/layer_store_XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { EXPECT_TRUE(RemoveTree(folder_).ok()); }

  std::unique_ptr<LayerStore> Open(LayerStoreOptions options = {.keep = true}) {
    auto store = LayerStore::Create(folder_, options);
    EXPECT_TRUE(store.ok()) << store.status();
    return store.ok() ? *std::move(store) : nullptr;
  }
  size_t Count(const char* kind) {
    std::error_code error;  // the folder may not be there yet
    const std::filesystem::directory_iterator first(folder_ + "/" + kind, error);
    return error ? 0 : static_cast<size_t>(std::distance(first, {}));
  }
  // Every layer the store says it has is whole; gives how many.
  size_t CheckAll(LayerStore* store, int numbers) {
    size_t found = 0;
    for (int number = 0; number < numbers; ++number) {
      auto layer = store->GetOrUnpack(Id(number), MustNotUnpack);
      if (!layer.ok()) continue;
      ++found;
      for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(ReadTextFile(StrCat((*layer)->path, "/", i), 100).value_or("?"), StrCat(number));
      }
      EXPECT_TRUE((*layer)->facts.implicit_folders.contains("a\xff\n"));
    }
    return found;
  }

  std::string folder_;
};

TEST_F(LayerStoreTest, KeepsLayersOverARestart) {
  {
    auto store = Open();
    ASSERT_OK(store->GetOrUnpack(Id(1), Files(1)).status());
    ASSERT_OK(store->GetOrUnpack(Id(2), Files(2)).status());
  }
  auto store = Open();
  EXPECT_EQ(CheckAll(store.get(), 3), 2u);
  EXPECT_EQ(store->size(), 2000u);
  // New folders take no old one's name.
  ASSERT_OK(store->GetOrUnpack(Id(3), Files(3)).status());
  EXPECT_EQ(CheckAll(store.get(), 4), 3u);
}

TEST_F(LayerStoreTest, ForgetsThemUnlessAskedTo) {
  ASSERT_OK(Open({})->GetOrUnpack(Id(1), Files(1)).status());
  EXPECT_EQ(Count("index"), 0u);
  auto store = Open({});
  EXPECT_EQ(Count("layers"), 0u);
  EXPECT_EQ(CheckAll(store.get(), 2), 0u);
}

TEST_F(LayerStoreTest, RemovesWhatIsNotWhole) {
  {
    auto store = Open();
    for (int i = 0; i < 4; ++i) ASSERT_OK(store->GetOrUnpack(Id(i), Files(i)).status());
  }
  auto entry = [&](int i) {
    std::string name = Id(i).text();
    name[6] = '-';
    return StrCat(folder_, "/index/", name);
  };
  ASSERT_EQ(unlink(entry(0).c_str()), 0);                    // no entry
  ASSERT_OK(WriteFile(entry(1), AsBytes("{\"diff_id\":")));  // a bad one
  ASSERT_EQ(rename(entry(2).c_str(), entry(7).c_str()), 0);  // of another name
  ASSERT_OK(MakeDirectories(folder_ + "/staging/9/half"));
  ASSERT_OK(MakeDirectories(folder_ + "/layers/odd"));
  auto store = Open();
  EXPECT_EQ(CheckAll(store.get(), 9), 1u);
  EXPECT_EQ(Count("layers"), 1u);
  EXPECT_EQ(Count("index"), 1u);
  EXPECT_EQ(Count("staging"), 0u);
}

TEST_F(LayerStoreTest, TheLongestUnusedGoFirst) {
  auto store = Open({.keep = true, .max_size = 3500});
  for (int i = 0; i < 3; ++i) ASSERT_OK(store->GetOrUnpack(Id(i), Files(i)).status());
  ASSERT_OK(store->GetOrUnpack(Id(0), MustNotUnpack).status());
  ASSERT_OK(store->GetOrUnpack(Id(3), Files(3)).status());
  EXPECT_EQ(store->size(), 3000u);
  EXPECT_FALSE(store->GetOrUnpack(Id(1), MustNotUnpack).ok());
  EXPECT_EQ(CheckAll(store.get(), 4), 3u);
  EXPECT_EQ(Count("layers"), 3u);
  EXPECT_EQ(Count("index"), 3u);
}

TEST_F(LayerStoreTest, ASmallerStoreKeepsWhatWasUsedLast) {
  {
    auto store = Open();
    for (int i = 0; i < 4; ++i) ASSERT_OK(store->GetOrUnpack(Id(i), Files(i)).status());
    ASSERT_OK(store->GetOrUnpack(Id(1), MustNotUnpack).status());
  }
  auto store = Open({.keep = true, .max_size = 2000});
  EXPECT_EQ(store->size(), 2000u);
  EXPECT_OK(store->GetOrUnpack(Id(1), MustNotUnpack).status());
  EXPECT_OK(store->GetOrUnpack(Id(3), MustNotUnpack).status());
  EXPECT_EQ(CheckAll(store.get(), 4), 2u);
}

TEST_F(LayerStoreTest, KnowsTheRoomThereIs) {
  EXPECT_EQ(Open({})->Room(), UINT64_MAX);
  auto store = Open({.max_size = 2500});
  auto first = store->GetOrUnpack(Id(1), Files(1));
  ASSERT_OK(store->GetOrUnpack(Id(2), Files(2)).status());
  EXPECT_EQ(store->size(), 2000u);
  EXPECT_EQ(store->Room(), 1500u);  // the second is in nobody's use
  first->reset();
  EXPECT_EQ(store->Room(), 2500u);
}

TEST_F(LayerStoreTest, LayersInUseStay) {
  auto store = Open({.max_size = 2000});
  auto first = store->GetOrUnpack(Id(1), Files(1));
  auto second = store->GetOrUnpack(Id(2), Files(2));
  ASSERT_TRUE(first.ok() && second.ok());
  auto third = store->GetOrUnpack(Id(3), Files(3));
  EXPECT_STATUS(third, kResourceExhausted, "layers in use take 2000 bytes, this layer 1000");
  EXPECT_EQ(Count("staging"), 0u);
  EXPECT_EQ(Count("layers"), 2u);
  first->reset();
  EXPECT_OK(store->GetOrUnpack(Id(3), Files(3)).status());
  EXPECT_OK(store->GetOrUnpack(Id(2), MustNotUnpack).status());
  EXPECT_STATUS(store->GetOrUnpack(Id(4), Files(4, 2001)), kResourceExhausted, "this layer 2001");
  second->reset();
  EXPECT_OK(store->GetOrUnpack(Id(4), Files(4, 2000)).status());
  EXPECT_OK(store->Collect(0));
  EXPECT_EQ(store->size(), 0u);
  EXPECT_EQ(Count("layers"), 0u);
}

TEST_F(LayerStoreTest, ScratchFoldersGoWithTheirUser) {
  auto store = Open();
  auto scratch = store->MakeScratch();
  ASSERT_OK(MakeDirectories(scratch->path() + "/a"));
  EXPECT_EQ(Count("attributes"), 1u);
  scratch.reset();
  EXPECT_EQ(Count("attributes"), 0u);
}

// Kills a process that fills and empties the store, again and again.
TEST_F(LayerStoreTest, IsWholeAfterAKillAtAnyMoment) {
  std::mt19937 random(7);
  size_t found = 0;
  for (int round = 0; round < 250; ++round) {
    const pid_t child = fork();
    if (child == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      auto store = LayerStore::Create(folder_, {.keep = true, .max_size = 6000});
      for (int i = 0; store.ok(); ++i) (void)(*store)->GetOrUnpack(Id(i % 9), Files(i % 9));
      _exit(1);
    }
    ASSERT_GT(child, 0);
    // Every other one lives until something is in the store, however slow the disk is.
    for (int i = 0; round % 2 == 0 && Count("index") == 0 && i < 5000; ++i) usleep(1000);
    usleep(500 + random() % 3000);
    ASSERT_EQ(kill(child, SIGKILL), 0);
    ASSERT_EQ(waitpid(child, nullptr, 0), child);
    auto store = Open({.keep = true, .max_size = 6000});
    const size_t whole = CheckAll(store.get(), 9);
    found += whole;
    EXPECT_LE(whole, 6u);
    EXPECT_EQ(Count("layers"), whole);
    EXPECT_EQ(Count("index"), whole);
    EXPECT_EQ(Count("staging"), 0u);
  }
  EXPECT_GT(found, 0u);
}

TEST(LayerIndex, RefusesOtherDocuments) {
  StoredLayer layer;
  layer.diff_id = Id(1).text();
  layer.path = "/x/layers/3";
  auto text = FormatIndexEntry(layer, "3");
  ASSERT_OK(text.status());
  auto read = ParseIndexEntry(*text);
  ASSERT_OK(read.status());
  EXPECT_EQ(read->path, "3");
  EXPECT_EQ(read->diff_id, layer.diff_id);
  const std::pair<const char*, const char*> changes[] = {
      {"\"3\"", "\"../3\""},
      {"\"3\"", "3"},
      {"sha256:", "sha255:"},
      {"bytes\":0", "bytes\":-1"},
      {"[]", "[7]"},
      {"[]", "{}"},
      {"outside_links\":[]", "outside_links\":[[\"eA==\"]]"}};
  for (const auto& [from, to] : changes) {
    std::string changed = *text;
    const size_t at = changed.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    changed = changed.substr(0, at) + to + changed.substr(at + std::string_view(from).size());
    EXPECT_FALSE(ParseIndexEntry(changed).ok()) << changed;
  }
}

}  // namespace
}  // namespace nacre::image
