#include "image-rs-cpp/store/compose.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "base/file.h"
#include "base/strings.h"
#include "crypto/digest.h"
#include "image-rs-cpp/store/rootfs.h"
#include "image-rs-cpp/testing/file_volumes.h"
#include "image-rs-cpp/testing/tar_builder.h"
#include "image-rs-cpp/unpack/tar_reader.h"

namespace nacre::image {
namespace {

using ::testing::HasSubstr;
using testing::TarBuilder;

enum class Layers { kFolders, kVolumes };

// Unpacks layers into a store, composes and mounts them.
class ComposeTest : public ::testing::TestWithParam<Layers> {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: mounts overlays";
    auto made = TemporaryDirectory::Create("compose");
    ASSERT_TRUE(made.ok());
    folder_.emplace(*std::move(made));
    if (GetParam() == Layers::kVolumes) {
      if (const std::string why = testing::WhyNoVolumes(); !why.empty()) GTEST_SKIP() << why;
      volumes_.emplace(folder_->path() + "/volumes", 1 << 30);
      volumes_->SkipTools();
    }
    MakeStore(folder_->path() + "/image");
    place_ = {folder_->path() + "/upper", folder_->path() + "/work", folder_->path() + "/root"};
  }
  void TearDown() override {
    if (!mounted_) return;
    EXPECT_TRUE(UnmountRootfs(place_.target).ok());
  }

  void MakeStore(const std::string& path) {
    LayerStoreOptions options;
    if (volumes_) options.volumes = &*volumes_;
    auto store = LayerStore::Create(path, options);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  void Add(Bytes tar) {
    auto layer = store_->GetOrUnpack(BlobDigest::OfSha256(tar),
                                     [&](LayerPlace& place) -> absl::StatusOr<LayerFacts> {
                                       UnpackBudget budget(limits_);
                                       ASSIGN_OR_RETURN(LayerTree* const tree, place.Begin());
                                       LayerApplier applier(tree, limits_, &budget);
                                       TarReader reader(&applier, limits_);
                                       RETURN_IF_ERROR(reader.Write(tar));
                                       return applier.Finish();
                                     });
    ASSERT_TRUE(layer.ok()) << layer.status();
    layers_.push_back(*layer);
  }
  absl::Status Mount() {
    ASSIGN_OR_RETURN(composed_, ComposeLayers(layers_, store_->UniquePath("attributes")));
    RETURN_IF_ERROR(MountLayers(composed_, place_));
    mounted_ = true;
    return absl::OkStatus();
  }
  std::string Read(const std::string& path) {
    auto text = ReadTextFile(place_.target + "/" + path, 1000);
    return text.ok() ? *text : "missing";
  }
  struct stat Stat(const std::string& path) {
    struct stat info = {};
    EXPECT_EQ(lstat((place_.target + "/" + path).c_str(), &info), 0) << path;
    return info;
  }

  Limits limits_;
  std::optional<TemporaryDirectory> folder_;
  std::optional<testing::FileVolumes> volumes_;
  std::unique_ptr<LayerStore> store_;
  std::vector<std::shared_ptr<const StoredLayer>> layers_;
  ComposedLayers composed_;
  RootfsPlace place_;
  bool mounted_ = false;
};

std::string NameOf(const ::testing::TestParamInfo<Layers>& info) {
  return info.param == Layers::kFolders ? "Folders" : "Volumes";
}
INSTANTIATE_TEST_SUITE_P(Of, ComposeTest, ::testing::Values(Layers::kFolders, Layers::kVolumes),
                         NameOf);

// What does not depend on where layers are.
class ComposeFoldersTest : public ComposeTest {};
INSTANTIATE_TEST_SUITE_P(Of, ComposeFoldersTest, ::testing::Values(Layers::kFolders), NameOf);

TEST_P(ComposeTest, UpperLayersHideLowerOnes) {
  Add(TarBuilder()
          .Folder("d")
          .File("d/kept", "1")
          .File("d/changed", "1")
          .File("d/gone", "1")
          .Folder("o")
          .File("o/old", "1")
          .Finish());
  Add(TarBuilder()
          .Folder("d")
          .File("d/changed", "2")
          .File("d/.wh.gone", "")
          .Folder("o")
          .File("o/.wh..wh..opq", "")
          .File("o/new", "2")
          .Finish());
  ASSERT_TRUE(Mount().ok());
  EXPECT_EQ(Read("d/kept"), "1");
  EXPECT_EQ(Read("d/changed"), "2");
  EXPECT_EQ(Read("d/gone"), "missing");
  EXPECT_EQ(Read("o/old"), "missing");
  EXPECT_EQ(Read("o/new"), "2");
  EXPECT_EQ(composed_.lower_dirs.size(), 2u);
}

TEST_P(ComposeTest, TheRootIsWritableAndKeepsItsAttributes) {
  Add(TarBuilder().Add({.path = "./", .type = '5', .mode = 0750, .uid = 9, .gid = 8}).Finish());
  Add(TarBuilder().File("f", "").Finish());  // does not name the root
  ASSERT_TRUE(Mount().ok());
  EXPECT_EQ(Stat(".").st_mode & 07777, 0750u);
  EXPECT_EQ(Stat(".").st_uid, 9u);
  EXPECT_EQ(Stat(".").st_gid, 8u);
  EXPECT_TRUE(WriteFile(place_.target + "/new", AsBytes("x")).ok());
  EXPECT_TRUE(PathExists(place_.upper + "/new"));
  struct statvfs info;
  ASSERT_EQ(statvfs(place_.target.c_str(), &info), 0);
  EXPECT_TRUE(info.f_flag & ST_NODEV);
}

// A layer that uses folders without naming them must not change them.
TEST_P(ComposeTest, UnnamedFoldersKeepTheAttributesBelow) {
  Add(TarBuilder()
          .Folder("tmp", 01777)
          .Pax({{"SCHILY.xattr.user.note", "kept"}})
          .Add({.path = "srv", .type = '5', .mode = 0700, .uid = 33, .mtime = 1000})
          .Add({.path = "srv/data", .type = '5', .mode = 0770, .uid = 34})
          .Finish());
  Add(TarBuilder().File("tmp/x", "2").File("srv/data/deep/y", "2").Finish());
  Add(TarBuilder().File("srv/data/z", "3").Finish());
  ASSERT_TRUE(Mount().ok());
  EXPECT_EQ(composed_.lower_dirs.size(), 4u);
  EXPECT_EQ(Stat("tmp").st_mode & 07777, 01777u);
  EXPECT_EQ(Stat("srv").st_mode & 07777, 0700u);
  EXPECT_EQ(Stat("srv").st_uid, 33u);
  EXPECT_EQ(Stat("srv").st_mtime, 1000);
  EXPECT_EQ(Stat("srv/data").st_mode & 07777, 0770u);
  EXPECT_EQ(Stat("srv/data").st_uid, 34u);
  EXPECT_EQ(Stat("srv/data/deep").st_mode & 07777, 0755u);
  EXPECT_EQ(Read("tmp/x"), "2");
  EXPECT_EQ(Read("srv/data/deep/y"), "2");
  EXPECT_EQ(Read("srv/data/z"), "3");
  char value[8];
  EXPECT_EQ(getxattr((place_.target + "/srv").c_str(), "user.note", value, sizeof value), 4);
}

TEST_P(ComposeTest, AnUnnamedFolderOverADeletedOneIsNew) {
  Add(TarBuilder().Folder("d", 0700).File("d/old", "").Folder("e/sub", 0700).Finish());
  Add(TarBuilder().File(".wh.d", "").File("e/.wh..wh..opq", "").Finish());
  Add(TarBuilder().File("d/new", "").File("e/sub/new", "").Finish());
  ASSERT_TRUE(Mount().ok());
  EXPECT_EQ(Stat("d").st_mode & 07777, 0755u);
  EXPECT_EQ(Stat("e/sub").st_mode & 07777, 0755u);
  EXPECT_EQ(Read("d/old"), "missing");
}

TEST_P(ComposeTest, AnUnnamedOpaqueFolderKeepsItsAttributes) {
  Add(TarBuilder()
          .Add({.path = "d", .type = '5', .mode = 0701, .uid = 9})
          .File("d/old", "")
          .Finish());
  Add(TarBuilder().File("d/.wh..wh..opq", "").File("d/new", "new").Finish());
  ASSERT_TRUE(Mount().ok());
  EXPECT_EQ(Stat("d").st_mode & 07777, 0701u);
  EXPECT_EQ(Stat("d").st_uid, 9u);
  EXPECT_EQ(Read("d/new"), "new");
  EXPECT_EQ(Read("d/old"), "missing");
}

TEST_P(ComposeTest, NamedAboveUnnamedNeedsNothing) {
  Add(TarBuilder().Folder("d", 0700).Finish());
  Add(TarBuilder().File("d/x", "").Finish());
  Add(TarBuilder().Folder("d", 0711).Finish());
  ASSERT_TRUE(Mount().ok());
  EXPECT_EQ(Stat("d").st_mode & 07777, 0711u);
  EXPECT_EQ(composed_.lower_dirs.size(), 3u);
}

// Deleting stays deleted although a lower layer has stand-ins.
TEST_P(ComposeTest, RestoresNothingThatIsHidden) {
  Add(TarBuilder().Folder("d", 0700).Finish());
  Add(TarBuilder().File("d/sub/x", "").Finish());
  Add(TarBuilder().File(".wh.d", "").Finish());
  ASSERT_TRUE(Mount().ok());
  EXPECT_FALSE(PathExists(place_.target + "/d"));
}

TEST_P(ComposeTest, RefusesFilesBehindALowerSymbolicLink) {
  Add(TarBuilder().Folder("usr/bin").Symlink("bin", "usr/bin").Finish());
  Add(TarBuilder().File("bin/tool", "").Finish());
  absl::Status status = Mount();
  EXPECT_TRUE(absl::IsUnimplemented(status));
  EXPECT_THAT(std::string(Message(status)), HasSubstr("'bin', which is a symbolic link"));
}

TEST_P(ComposeTest, AFolderNamedOverASymbolicLinkReplacesIt) {
  Add(TarBuilder().Folder("usr/bin").Symlink("bin", "usr/bin").Finish());
  Add(TarBuilder().Folder("bin").File("bin/tool", "2").Finish());
  ASSERT_TRUE(Mount().ok());
  EXPECT_TRUE(S_ISDIR(Stat("bin").st_mode));
}

TEST_P(ComposeTest, AFolderOverAFileOfItsOwnLayerIsNew) {
  Add(TarBuilder().Folder("d").File("d/old", "").Finish());
  Add(TarBuilder().File("d", "").Folder("d", 0711).File("d/new", "").Finish());
  ASSERT_TRUE(Mount().ok());
  EXPECT_EQ(Stat("d").st_mode & 07777, 0711u);
  EXPECT_EQ(Read("d/old"), "missing");
  EXPECT_EQ(Read("d/new"), "");
}

TEST_P(ComposeTest, ALayerMayComeTwice) {
  const Bytes empty = TarBuilder().Finish();
  const Bytes twice = TarBuilder().File("d/x", "1").File(".wh.gone", "").Finish();
  Add(TarBuilder().Folder("d", 0700).File("gone", "").Finish());
  Add(empty);
  Add(twice);
  Add(TarBuilder().File("d/x", "2").File("d/y", "2").File("gone", "2").Finish());
  Add(empty);
  Add(twice);
  ASSERT_TRUE(Mount().ok());
  EXPECT_EQ(Read("d/x"), "1");
  EXPECT_EQ(Read("d/y"), "2");
  EXPECT_EQ(Read("gone"), "missing");
  EXPECT_EQ(Stat("d").st_mode & 07777, 0700u);
}

TEST_P(ComposeFoldersTest, AnImageWithoutLayersIsAnEmptyRoot) {
  ASSERT_TRUE(Mount().ok());
  EXPECT_TRUE(std::filesystem::is_empty(place_.target));
}

TEST_P(ComposeTest, ReadsManyLayers) {
  for (int i = 0; i < 40; ++i) Add(TarBuilder().File(StrCat("f", i), "x").Finish());
  ASSERT_TRUE(Mount().ok());
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(place_.target), {}), 40);
}

TEST_P(ComposeTest, MountsAsManyLayersAsAnImageMayHaveUnderALongPath) {
  MakeStore(StrCat(folder_->path(), "/", std::string(200, 'l')));
  Add(TarBuilder().Folder("d", 0711).Finish());
  // Volumes are mounts already, perhaps each over a loop device: enough of them for both ways of
  // naming folders.
  const uint32_t most = volumes_ ? 128 : limits_.max_layers;
  for (uint32_t i = 1; i < most; ++i) {
    Add(TarBuilder()
            .File(StrCat("d/f", i), StrCat("of layer ", i))
            .File("same", StrCat(i))
            .Finish());
    if (i + 1 != 127 && i + 1 != 128 && i + 1 != 300 && i + 1 != most) continue;
    SCOPED_TRACE(i + 1);
    const absl::Status status = Mount();
    ASSERT_TRUE(status.ok()) << status;
    // With the folder of attributes.
    EXPECT_EQ(composed_.lower_dirs.size(), i + 2);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(place_.target + "/d"), {}), i);
    EXPECT_EQ(Read("d/f1"), "of layer 1");
    EXPECT_EQ(Read("same"), StrCat(i));
    EXPECT_EQ(Stat("d").st_mode & 07777, 0711u);
    ASSERT_TRUE(UnmountRootfs(place_.target).ok());
    mounted_ = false;
  }
}

TEST_P(ComposeFoldersTest, SaysWhenThereAreMoreLayersThanOverlayfsTakes) {
  ComposedLayers layers;
  layers.lower_dirs.resize(501, "/tmp");
  absl::Status status = MountLayers(layers, place_);
  EXPECT_TRUE(absl::IsResourceExhausted(status));
  EXPECT_THAT(std::string(Message(status)), HasSubstr("501 layers: overlayfs takes 500"));
}

TEST_P(ComposeFoldersTest, SaysWhenTheOptionsDoNotFit) {
  ComposedLayers layers;
  for (int i = 0; i < 300; ++i) {
    layers.lower_dirs.push_back(StrCat(folder_->path(), "/image/", std::string(20, 'x'), i));
  }
  absl::Status status = MountLayers(layers, place_);
  EXPECT_TRUE(absl::IsResourceExhausted(status));
  EXPECT_THAT(std::string(Message(status)), HasSubstr("300 layers"));
  EXPECT_THAT(std::string(Message(status)), HasSubstr("the kernel takes 4095"));
}

TEST_P(ComposeTest, HardLinksReachIntoLowerLayers) {
  Add(TarBuilder()
          .Folder("lib")
          .Add({.path = "lib/a", .content = "library", .mode = 04755, .uid = 7, .mtime = 1234})
          .File("lib/hidden", "old")
          .Symlink("s", "lib/a")
          .Finish());
  Add(TarBuilder()
          .HardLink("bin/one", "lib/a")
          .HardLink("two", "bin/one")
          .HardLink("lib/hidden", "./lib/a")
          .HardLink("s2", "s")
          .HardLink("gone", "lib/a")
          .Finish());
  Add(TarBuilder().HardLink("three", "two").File(".wh.gone", "").Finish());
  absl::Status status = Mount();
  ASSERT_TRUE(status.ok()) << status;
  for (const char* name : {"lib/a", "bin/one", "two", "three", "lib/hidden"}) {
    EXPECT_EQ(Read(name), "library") << name;
    EXPECT_EQ(Stat(name).st_ino, Stat("lib/a").st_ino) << name;
    EXPECT_EQ(Stat(name).st_mode & 07777, 04755u) << name;
    EXPECT_EQ(Stat(name).st_uid, 7u) << name;
    EXPECT_EQ(Stat(name).st_mtime, 1234) << name;
  }
  EXPECT_EQ(Stat("lib/a").st_nlink, 5u);
  EXPECT_EQ(std::filesystem::read_symlink(place_.target + "/s2"), "lib/a");
  EXPECT_EQ(Read("gone"), "missing");
}

TEST_P(ComposeTest, HardLinksReachFilesOfAllKinds) {
  Add(TarBuilder()
          .Add({.path = "fifo", .type = '6', .mode = 0620, .uid = 5, .mtime = 1000})
          .Pax({{"SCHILY.xattr.trusted.note", "x"}})
          .Device("null", '3', 1, 3)
          .Pax({{"GNU.sparse.size", "10000000"}, {"GNU.sparse.map", "5000000,3"}})
          .File("sparse", "abc")
          .File("empty", "")
          .Finish());
  Add(TarBuilder()
          .HardLink("fifo2", "fifo")
          .HardLink("null2", "null")
          .HardLink("sparse2", "sparse")
          .HardLink("empty2", "empty")
          .Finish());
  absl::Status status = Mount();
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(Stat("fifo2").st_mode, static_cast<mode_t>(S_IFIFO | 0620));
  EXPECT_EQ(Stat("fifo2").st_uid, 5u);
  EXPECT_EQ(Stat("fifo2").st_mtime, 1000);
  EXPECT_EQ(Stat("null2").st_rdev, makedev(1, 3));
  char value = 0;
  EXPECT_EQ(lgetxattr((place_.target + "/null2").c_str(), "trusted.note", &value, 1), 1);
  EXPECT_EQ(Stat("sparse2").st_size, 10'000'000);
  EXPECT_LT(Stat("sparse2").st_blocks, 100);
  auto sparse = ReadTextFile(place_.target + "/sparse2", 10'000'000);
  ASSERT_TRUE(sparse.ok());
  EXPECT_EQ(sparse->substr(4'999'999, 5), std::string("\0abc\0", 5));
  EXPECT_EQ(Read("empty2"), "");
}

TEST_P(ComposeTest, AHardLinkCopiesNoMoreThanCanBeSeen) {
  Add(TarBuilder().File("a", "old").Finish());
  Add(TarBuilder().HardLink("b", "a").HardLink("c", "a").File("c", "mine").Finish());
  Add(TarBuilder().File("a", "new").Finish());
  ASSERT_TRUE(Mount().ok());
  EXPECT_EQ(Read("a"), "new");
  EXPECT_EQ(Read("b"), "old");
  EXPECT_EQ(Read("c"), "mine");
  EXPECT_EQ(Stat("b").st_nlink, 1u);
}

TEST_P(ComposeTest, RefusesHardLinksToNothing) {
  Add(TarBuilder().File("a", "x").Folder("d").File("e", "x").Finish());
  const std::vector<Bytes> bad = {
      TarBuilder().HardLink("b", "missing").Finish(),
      TarBuilder().HardLink("b", "d").Finish(),
      TarBuilder().HardLink("b", "a/below").Finish(),
  };
  for (const Bytes& tar : bad) {
    Add(tar);
    absl::Status status = Mount();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_THAT(std::string(Message(status)), HasSubstr("no lower layer has as a file"));
    layers_.pop_back();
  }
}

TEST_P(ComposeFoldersTest, RefusesPathsTheOptionsCannotHold) {
  EXPECT_FALSE(LayerStore::Create(folder_->path() + "/a,b").ok());
  EXPECT_FALSE(LayerStore::Create("relative").ok());
  EXPECT_FALSE(LayerStore::Create("").ok());
  RootfsPlace bad = place_;
  bad.upper += ":x";
  EXPECT_TRUE(absl::IsInvalidArgument(MountLayers({{"/tmp"}}, bad)));
}

TEST_P(ComposeFoldersTest, AFailedUnpackLeavesNoTrace) {
  const BlobDigest digest = BlobDigest::OfSha256(AsBytes("x"));
  auto failed = store_->GetOrUnpack(digest, [](LayerPlace& place) {
    EXPECT_TRUE(WriteFile(place.folder() + "/partial", AsBytes("x")).ok());
    return absl::StatusOr<LayerFacts>(absl::DataLossError("cut"));
  });
  EXPECT_TRUE(absl::IsDataLoss(failed.status()));
  EXPECT_TRUE(std::filesystem::is_empty(folder_->path() + "/image/staging"));
  EXPECT_TRUE(std::filesystem::is_empty(folder_->path() + "/image/layers"));
  // The next one may try.
  EXPECT_TRUE(store_
                  ->GetOrUnpack(
                      digest, [](LayerPlace&) { return absl::StatusOr<LayerFacts>(LayerFacts()); })
                  .ok());
}

TEST_P(ComposeFoldersTest, TwoThreadsUnpackALayerOnce) {
  const BlobDigest digest = BlobDigest::OfSha256(AsBytes("x"));
  std::atomic<int> unpacked = 0;
  std::atomic<int> waiting = 0;
  auto get = [&] {
    ++waiting;
    auto layer = store_->GetOrUnpack(digest, [&](LayerPlace&) {
      while (waiting < 4) std::this_thread::yield();
      ++unpacked;
      return absl::StatusOr<LayerFacts>(LayerFacts());
    });
    EXPECT_TRUE(layer.ok());
  };
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back(get);
  }
  EXPECT_EQ(unpacked, 1);
}

TEST_P(ComposeFoldersTest, ANewStoreStartsEmpty) {
  ASSERT_TRUE(MakeDirectories(folder_->path() + "/image/staging/9/left").ok());
  store_.reset();
  ASSERT_TRUE(LayerStore::Create(folder_->path() + "/image").ok());
  EXPECT_TRUE(std::filesystem::is_empty(folder_->path() + "/image/staging"));
}

}  // namespace
}  // namespace nacre::image
