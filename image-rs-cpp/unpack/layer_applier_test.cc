#include "image-rs-cpp/unpack/layer_applier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>

#include "base/encoding.h"
#include "base/file.h"
#include "base/strings.h"
#include "image-rs-cpp/erofs/volume_tree.h"
#include "image-rs-cpp/testing/file_volumes.h"
#include "image-rs-cpp/testing/tar_builder.h"
#include "image-rs-cpp/unpack/folder_tree.h"
#include "image-rs-cpp/unpack/tar_reader.h"

namespace nacre::image {
namespace {

using ::testing::HasSubstr;
using testing::Member;
using testing::TarBuilder;
using ::testing::UnorderedElementsAre;

enum class Into { kFolder, kVolume };

// Unpacks into a folder that lies beside one it must never touch, or into a volume.
class LayerApplierTest : public ::testing::TestWithParam<Into> {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: makes device nodes and changes owners";
    auto made = TemporaryDirectory::Create("applier");
    ASSERT_TRUE(made.ok()) << made.status();
    temporary_.emplace(*std::move(made));
    root_ = temporary_->path() + "/root";
    outside_ = temporary_->path() + "/outside";
    ASSERT_TRUE(MakeDirectories(root_).ok());
    ASSERT_TRUE(MakeDirectories(outside_).ok());
    ASSERT_TRUE(WriteFile(outside_ + "/secret", AsBytes("untouched")).ok());
    if (GetParam() == Into::kFolder) return;
    if (const std::string why = testing::WhyNoVolumes(); !why.empty()) GTEST_SKIP() << why;
    volumes_.emplace(temporary_->path() + "/volumes", 1 << 30);
  }

  absl::StatusOr<LayerFacts> ApplyTo(LayerTree* tree, ByteView tar) {
    UnpackBudget budget(limits_);
    LayerApplier applier(tree, limits_, &budget);
    TarReader reader(&applier, limits_);
    RETURN_IF_ERROR(reader.Write(tar));
    RETURN_IF_ERROR(reader.Finish());
    return applier.Finish();
  }
  // A volume is a new one each time, and root_ then where it is mounted.
  absl::StatusOr<LayerFacts> Apply(ByteView tar) {
    if (!volumes_) {
      ASSIGN_OR_RETURN(auto tree, FolderTree::Create(root_));
      return ApplyTo(tree.get(), tar);
    }
    volume_.reset();
    ASSIGN_OR_RETURN(volume_, volumes_->New());
    erofs::VolumeTree tree(volume_.get());
    ASSIGN_OR_RETURN(LayerFacts facts, ApplyTo(&tree, tar));
    ASSIGN_OR_RETURN(root_, volume_->Mount(tree.root()));
    return facts;
  }

  // The message of the refusal; also checks that nothing outside changed.
  std::string Refusal(ByteView tar) {
    absl::Status status = Apply(tar).status();
    EXPECT_FALSE(status.ok());
    EXPECT_EQ(*ReadTextFile(outside_ + "/secret", 100), "untouched");
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(outside_), {}), 1);
    return std::string(Message(status));
  }

  struct stat Stat(const std::string& path) {
    struct stat info = {};
    EXPECT_EQ(lstat((root_ + "/" + path).c_str(), &info), 0) << path;
    return info;
  }
  bool Exists(const std::string& path) {
    struct stat info;
    return lstat((root_ + "/" + path).c_str(), &info) == 0;
  }
  bool IsWhiteout(const std::string& path) {
    struct stat info = Stat(path);
    return S_ISCHR(info.st_mode) && info.st_rdev == makedev(0, 0);
  }
  bool IsOpaque(const std::string& path) {
    char value = 0;
    return lgetxattr((root_ + "/" + path).c_str(), "trusted.overlay.opaque", &value, 1) == 1 &&
           value == 'y';
  }
  std::string Content(const std::string& path) {
    auto text = ReadTextFile(root_ + "/" + path, 1 << 20);
    return text.ok() ? *text : text.status().ToString();
  }

  // Hexadecimal; "none" when it is not there.
  std::string Xattr(const std::string& path, const char* name) {
    char value[1024];
    const ssize_t size = lgetxattr((root_ + "/" + path).c_str(), name, value, sizeof value);
    if (size < 0) return "none";
    return HexEncode(AsBytes(std::string_view(value, static_cast<size_t>(size))));
  }

  Limits limits_;
  std::optional<TemporaryDirectory> temporary_;
  std::string root_, outside_;
  std::optional<testing::FileVolumes> volumes_;
  std::unique_ptr<LayerVolume> volume_;
};

INSTANTIATE_TEST_SUITE_P(Into, LayerApplierTest, ::testing::Values(Into::kFolder, Into::kVolume),
                         [](const auto& at) {
                           return at.param == Into::kFolder ? "Folder" : "Volume";
                         });

TEST_P(LayerApplierTest, KeepsOwnerModeAndTime) {
  auto facts = Apply(TarBuilder()
                         .Add({.path = "./", .type = '5', .mode = 0711, .uid = 5, .mtime = 99})
                         .Add({.path = "d", .type = '5', .mode = 01777, .uid = 3, .mtime = 1000})
                         .Add({.path = "d/f",
                               .content = "hello",
                               .mode = 06755,
                               .uid = 1000,
                               .gid = 1001,
                               .mtime = 2000})
                         .Symlink("d/link", "/etc/passwd")
                         .Finish());
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_TRUE(facts->implicit_folders.empty());
  EXPECT_EQ(Stat(".").st_mode & 07777, 0711u);
  EXPECT_EQ(Stat(".").st_uid, 5u);
  EXPECT_EQ(Stat(".").st_mtime, 99);
  EXPECT_EQ(Stat("d").st_mode & 07777, 01777u);
  EXPECT_EQ(Stat("d").st_mtime, 1000);
  EXPECT_EQ(Stat("d/f").st_mode & 07777, 06755u);
  EXPECT_EQ(Stat("d/f").st_uid, 1000u);
  EXPECT_EQ(Stat("d/f").st_gid, 1001u);
  EXPECT_EQ(Stat("d/f").st_mtime, 2000);
  EXPECT_EQ(Content("d/f"), "hello");
  EXPECT_EQ(std::filesystem::read_symlink(root_ + "/d/link"), "/etc/passwd");
}

TEST_P(LayerApplierTest, MakesLinksDevicesAndFifos) {
  auto facts = Apply(TarBuilder()
                         .File("a", "x")
                         .HardLink("sub/b", "./a")
                         .HardLink("a", "a")
                         .Device("null", '3', 1, 3)
                         .Device("loop", '4', 7, 0)
                         .Add({.path = "pipe", .type = '6', .mode = 0622})
                         .Finish());
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_EQ(Stat("a").st_ino, Stat("sub/b").st_ino);
  EXPECT_EQ(Stat("null").st_rdev, makedev(1, 3));
  EXPECT_TRUE(S_ISBLK(Stat("loop").st_mode));
  EXPECT_TRUE(S_ISFIFO(Stat("pipe").st_mode));
  EXPECT_EQ(Stat("pipe").st_mode & 07777, 0622u);
  EXPECT_THAT(facts->implicit_folders, UnorderedElementsAre("", "sub"));
}

TEST_P(LayerApplierTest, TurnsWhiteoutsIntoOverlaysOwn) {
  ASSERT_TRUE(Apply(TarBuilder()
                        .Folder("d")
                        .File("d/.wh.gone", "")
                        .File("o/.wh..wh..opq", "")
                        .File(".wh..wh.plnk", "")
                        .Finish())
                  .ok());
  EXPECT_TRUE(IsWhiteout("d/gone"));
  EXPECT_TRUE(IsOpaque("o"));
  EXPECT_FALSE(IsOpaque("d"));
  EXPECT_FALSE(Exists(".wh..wh.plnk"));
  EXPECT_FALSE(Exists("d/.wh.gone"));
}

TEST_P(LayerApplierTest, WhiteoutsHideOnlyWhatIsBelow) {
  ASSERT_TRUE(Apply(TarBuilder()
                        .File("file", "mine")
                        .File(".wh.file", "")
                        .File("folder/x", "mine")
                        .File(".wh.folder", "")
                        .File(".wh.later", "")
                        .Folder("later")
                        .File(".wh.deep", "")
                        .File("deep/er/x", "mine")
                        .File(".wh.plain", "")
                        .File("plain", "mine")
                        .Finish())
                  .ok());
  EXPECT_EQ(Content("file"), "mine");
  EXPECT_EQ(Content("folder/x"), "mine");
  EXPECT_TRUE(IsOpaque("folder"));
  EXPECT_TRUE(IsOpaque("later"));
  EXPECT_TRUE(IsOpaque("deep"));
  EXPECT_FALSE(IsOpaque("deep/er"));
  EXPECT_EQ(Content("plain"), "mine");
}

TEST_P(LayerApplierTest, WhiteoutsBelowWhatIsNoFolderHideNothing) {
  ASSERT_TRUE(Apply(TarBuilder()
                        .File("file", "mine")
                        .File("file/.wh.x", "")
                        .Symlink("link", outside_)
                        .File("link/.wh.secret", "")
                        .File("link/.wh..wh..opq", "")
                        .File(".wh.gone", "")
                        .File("gone/.wh.x", "")
                        .Finish())
                  .ok());
  EXPECT_EQ(Content("file"), "mine");
  EXPECT_TRUE(IsWhiteout("gone"));
  EXPECT_EQ(*ReadTextFile(outside_ + "/secret", 100), "untouched");
}

TEST_P(LayerApplierTest, LaterEntriesReplaceEarlierOnes) {
  auto facts = Apply(TarBuilder()
                         .File("a", "one")
                         .File("a", "two")
                         .File("d/in/x", "")
                         .File("d", "now a file")
                         .File("f", "")
                         .Folder("f")
                         .File("f/y", "")
                         .Symlink("f/y", "z")
                         .Folder("t")
                         .Symlink("t", "f")
                         .Finish());
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_EQ(Content("a"), "two");
  EXPECT_EQ(Content("d"), "now a file");
  EXPECT_TRUE(S_ISDIR(Stat("f").st_mode));
  EXPECT_TRUE(S_ISLNK(Stat("f/y").st_mode));
  EXPECT_TRUE(S_ISLNK(Stat("t").st_mode));
  EXPECT_THAT(facts->implicit_folders, UnorderedElementsAre(""));
}

TEST_P(LayerApplierTest, KeepsExtendedAttributes) {
  ASSERT_TRUE(Apply(TarBuilder()
                        .Pax({{"SCHILY.xattr.user.note", "hi"},
                              {"SCHILY.xattr.security.selinux", "left out"},
                              {"SCHILY.xattr.security.capability",
                               std::string("\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20)}})
                        .Add({.path = "f", .uid = 12})
                        .Pax({{"SCHILY.xattr.trusted.mark", "t"}})
                        .Symlink("l", "f")
                        .Finish())
                  .ok());
  char value[64];
  EXPECT_EQ(getxattr((root_ + "/f").c_str(), "user.note", value, sizeof value), 2);
  EXPECT_EQ(getxattr((root_ + "/f").c_str(), "security.capability", value, sizeof value), 20);
  EXPECT_LT(getxattr((root_ + "/f").c_str(), "security.selinux", value, sizeof value), 0);
  EXPECT_EQ(lgetxattr((root_ + "/l").c_str(), "trusted.mark", value, sizeof value), 1);
}

TEST_P(LayerApplierTest, AnAclThatSaysNoMoreThanTheModeBecomesTheMode) {
  ASSERT_TRUE(Apply(TarBuilder()
                        .Pax({{"SCHILY.acl.access", "user::rw-,group::r--,other::---"}})
                        .File("plain", "", 02777)
                        .Pax({{"SCHILY.acl.access",
                               "user::rwx,user:7:rw-,group::r-x,mask::r--,other::--x"}})
                        .File("named", "", 0600)
                        .Pax({{"SCHILY.acl.default", "user::rwx,group::r-x,other::---"}})
                        .Folder("d", 0711)
                        .File("d/x", "", 0666)
                        .Finish())
                  .ok());
  EXPECT_EQ(Stat("plain").st_mode & 07777, 02640u);
  EXPECT_EQ(Xattr("plain", "system.posix_acl_access"), "none");
  EXPECT_EQ(Stat("named").st_mode & 07777, 0741u);
  EXPECT_EQ(Xattr("named", "system.posix_acl_access").size(), 2 * (4 + 5 * 8u));
  EXPECT_EQ(Stat("d").st_mode & 07777, 0711u);
  EXPECT_EQ(Xattr("d", "system.posix_acl_default").size(), 2 * (4 + 3 * 8u));
  EXPECT_EQ(Stat("d/x").st_mode & 07777, 0666u);
  EXPECT_EQ(Xattr("d/x", "system.posix_acl_access"), "none");
}

TEST_P(LayerApplierTest, AFolderNamedAgainKeepsAttributesButNoAcl) {
  ASSERT_TRUE(Apply(TarBuilder()
                        .Pax({{"SCHILY.xattr.trusted.first", "1"},
                              {"SCHILY.xattr.trusted.both", "1"},
                              {"SCHILY.acl.access",
                               "user::rwx,user:7:rwx,group::---,mask::rwx,other::---"}})
                        .Folder("d", 0700)
                        .Pax({{"SCHILY.xattr.trusted.both", "2"}})
                        .Folder("d", 0755)
                        .Finish())
                  .ok());
  EXPECT_EQ(Stat("d").st_mode & 07777, 0755u);
  EXPECT_EQ(Xattr("d", "trusted.first"), "31");
  EXPECT_EQ(Xattr("d", "trusted.both"), "32");
  EXPECT_EQ(Xattr("d", "system.posix_acl_access"), "none");
}

TEST_P(LayerApplierTest, RefusesAttributesThatLinuxRefuses) {
  const struct {
    const char *key, *value;
    char type;
    const char* named;
  } refused[] = {
      {"SCHILY.xattr.user.note", "x", '2', "'user.note'"},
      {"SCHILY.xattr.user.note", "x", '6', "'user.note'"},
      {"SCHILY.xattr.other.note", "x", '0', "'other.note'"},
      {"SCHILY.xattr.user.", "x", '0', "'user.'"},
      {"SCHILY.xattr.security.capability", "no capability at all", '0', "'security.capability'"},
      {"SCHILY.acl.access", "user::rwx,group::r-x", '0', "acl_access"},
      {"SCHILY.acl.access", "user::rwx,user:7:r-x,group::r-x,other::---", '0', "acl_access"},
      {"SCHILY.acl.access", "user::rwx,group::r-x,other::---", '2', "acl_access"},
      {"SCHILY.acl.default", "user::rwx,group::r-x,other::---", '0', "acl_default"},
  };
  for (const auto& [key, value, type, named] : refused) {
    TarBuilder tar;
    tar.Pax({{key, value}}).Add({.path = "x", .type = type, .link_target = "y"});
    EXPECT_THAT(Refusal(tar.Finish()), HasSubstr(named)) << value;
  }
}

TEST_P(LayerApplierTest, RefusesOverlaysOwnAttributesAndDevice) {
  EXPECT_THAT(Refusal(TarBuilder()
                          .Pax({{"SCHILY.xattr.trusted.overlay.redirect", "/etc"}})
                          .Folder("d")
                          .Finish()),
              HasSubstr("belongs to overlayfs"));
  EXPECT_THAT(Refusal(TarBuilder().Device("gone", '3', 0, 0).Finish()),
              HasSubstr("whiteout to overlayfs"));
}

TEST_P(LayerApplierTest, RefusesPathsThatLeaveTheRoot) {
  for (const char* path : {"../outside/x", "a/../../outside/x", "..", "a/..", "./../outside/x"}) {
    EXPECT_THAT(Refusal(TarBuilder().File(path, "evil").Finish()), HasSubstr("'..'")) << path;
    EXPECT_THAT(Refusal(TarBuilder().Folder(path).Finish()), HasSubstr("'..'")) << path;
  }
  EXPECT_THAT(Refusal(TarBuilder().File(outside_ + "/x", "evil").Finish()),
              HasSubstr("is absolute"));
  EXPECT_THAT(Refusal(TarBuilder().File("", "evil").Finish()), HasSubstr("is empty"));
}

TEST_P(LayerApplierTest, RefusesToWriteThroughSymbolicLinks) {
  for (const std::string& target : {outside_, std::string("../outside"), std::string(".")}) {
    EXPECT_THAT(Refusal(TarBuilder().Symlink("l", target).File("l/x", "evil").Finish()),
                HasSubstr("leads over a symbolic link"));
    EXPECT_THAT(Refusal(TarBuilder().Symlink("l", target).Folder("l/x").Finish()),
                HasSubstr("leads over a symbolic link"));
  }
}

TEST_P(LayerApplierTest, ReplacesALinkInsteadOfWritingToItsTarget) {
  ASSERT_TRUE(Apply(TarBuilder()
                        .Symlink("l", outside_ + "/secret")
                        .File("l", "mine")
                        .Symlink("m", outside_)
                        .Folder("m")
                        .File("m/secret", "mine")
                        .Finish())
                  .ok());
  EXPECT_EQ(Content("l"), "mine");
  EXPECT_EQ(*ReadTextFile(outside_ + "/secret", 100), "untouched");
}

TEST_P(LayerApplierTest, SetsNoTimeThroughAFolderThatBecameALink) {
  const auto before = std::filesystem::last_write_time(outside_);
  ASSERT_TRUE(Apply(TarBuilder().Folder("d").Folder("d/e").Symlink("d", outside_).Finish()).ok());
  EXPECT_EQ(std::filesystem::last_write_time(outside_), before);
}

TEST_P(LayerApplierTest, RefusesHardLinksToOutside) {
  EXPECT_THAT(Refusal(TarBuilder().HardLink("x", "../outside/secret").Finish()), HasSubstr("'..'"));
  EXPECT_THAT(Refusal(TarBuilder().HardLink("x", outside_ + "/secret").Finish()),
              HasSubstr("is absolute"));
  EXPECT_THAT(Refusal(TarBuilder().Symlink("l", outside_).HardLink("x", "l/secret").Finish()),
              HasSubstr("leads over a symbolic link"));
  EXPECT_THAT(Refusal(TarBuilder().HardLink("x", "./").Finish()), HasSubstr("is the root"));
  EXPECT_THAT(Refusal(TarBuilder().Folder("d").HardLink("x", "d").Finish()),
              HasSubstr("cannot be linked"));
  EXPECT_THAT(Refusal(TarBuilder().File(".wh.w", "").HardLink("x", "w").Finish()),
              HasSubstr("cannot be linked"));
}

TEST_P(LayerApplierTest, RefusesAHardLinkInPlaceOfTheFolderItsTargetIsIn) {
  EXPECT_THAT(Refusal(TarBuilder().File("d/e/x", "x").HardLink("d", "d/e/x").Finish()),
              HasSubstr("inside what the link replaces"));
}

TEST_P(LayerApplierTest, LinksNothingThatThisLayerDeletes) {
  // Deleting after linking is another matter.
  absl::Status status = Apply(TarBuilder()
                                  .HardLink("b", "d/a")
                                  .HardLink("c", "o/a")
                                  .File("d/.wh.a", "")
                                  .File("o/.wh..wh..opq", "")
                                  .Finish())
                            .status();
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_THAT(Refusal(TarBuilder().File("e/.wh..wh..opq", "").HardLink("b", "e/f/a").Finish()),
              HasSubstr("this layer deletes it"));
  EXPECT_THAT(Refusal(TarBuilder().File(".wh..wh..opq", "").HardLink("b", "a").Finish()),
              HasSubstr("this layer deletes it"));
}

TEST_P(LayerApplierTest, NotesHardLinksToLowerLayers) {
  auto facts = Apply(TarBuilder()
                         .Folder("d")
                         .File("d/old", "")
                         .HardLink("d/old", "lower/file")
                         .HardLink("again", "d/old")
                         .Finish());
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_EQ(facts->outside_links,
            (std::map<std::string, std::string>{{"again", "lower/file"}, {"d/old", "lower/file"}}));
  EXPECT_TRUE(IsWhiteout("d/old"));
  EXPECT_TRUE(IsWhiteout("again"));
  limits_.max_outside_links = 1;
  EXPECT_THAT(Refusal(TarBuilder().HardLink("a", "x").HardLink("b", "x").Finish()),
              HasSubstr("more than 1 hard links to files of lower layers"));
}

TEST_P(LayerApplierTest, AHardLinkToASymbolicLinkIsTheLinkItself) {
  ASSERT_TRUE(
      Apply(TarBuilder().Symlink("l", outside_ + "/secret").HardLink("h", "l").Finish()).ok());
  EXPECT_TRUE(S_ISLNK(Stat("h").st_mode));
}

TEST_P(LayerApplierTest, RefusesAFileUnderAFile) {
  EXPECT_THAT(Refusal(TarBuilder().File("f", "").File("f/x", "").Finish()),
              HasSubstr("is not a folder"));
}

TEST_P(LayerApplierTest, RefusesWhiteoutsOfNothing) {
  for (const char* name : {".wh.", "d/.wh..", "d/.wh..."}) {
    EXPECT_THAT(Refusal(TarBuilder().File(name, "").Finish()), HasSubstr("whiteout of no file"));
  }
}

TEST_P(LayerApplierTest, BoundsNamesPathsAndDepth) {
  auto one = [this](const std::string& path) {
    return Apply(TarBuilder().Pax({{"path", path}}).File("x", "").Finish()).status();
  };
  EXPECT_TRUE(one(std::string(255, 'n')).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(one(std::string(256, 'n'))));
  limits_.max_path_depth = 3;
  EXPECT_TRUE(one("a/b/c").ok());
  EXPECT_TRUE(absl::IsResourceExhausted(one("a/b/c/d")));
  limits_ = Limits();
  std::string path;
  for (int i = 0; i < 15; ++i) path += std::string(255, 'p') + '/';
  ASSERT_EQ(path.size(), 3840u);
  EXPECT_TRUE(one(path + std::string(254, 'x')).ok());
  EXPECT_TRUE(one(path + std::string(255, 'x')).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(one(path + "./" + std::string(254, 'x'))));
}

TEST_P(LayerApplierTest, BoundsDeviceNodes) {
  limits_.max_device_nodes = 2;
  TarBuilder tar;
  tar.Device("a", '3', 1, 1).Device("b", '4', 1, 2);
  EXPECT_TRUE(Apply(TarBuilder(tar).Finish()).ok());
  EXPECT_THAT(Refusal(tar.Device("c", '3', 1, 3).Finish()), HasSubstr("more than 2 device nodes"));
}

TEST_P(LayerApplierTest, RefusesDevicesThatLinuxCannotNumber) {
  EXPECT_TRUE(Apply(TarBuilder().Device("a", '3', 4095, 1'048'575).Finish()).ok());
  EXPECT_EQ(Stat("a").st_rdev, makedev(4095, 1'048'575));
  EXPECT_THAT(Refusal(TarBuilder().Device("a", '4', 4096, 0).Finish()),
              HasSubstr("no device 4096:0"));
  EXPECT_THAT(Refusal(TarBuilder().Device("a", '3', 0, 1'048'576).Finish()),
              HasSubstr("no device 0:1048576"));
}

TEST_P(LayerApplierTest, KeepsHoles) {
  const std::string zeros(10'000, '\0');
  ASSERT_TRUE(Apply(TarBuilder()
                        .Pax({{"GNU.sparse.size", "20010"}, {"GNU.sparse.map", "0,5,10005,5"}})
                        .File("sparse", "startafter")
                        .File("next", "x")
                        .Finish())
                  .ok());
  EXPECT_EQ(Content("sparse"), StrCat("start", zeros, "after", zeros));
  EXPECT_EQ(Content("next"), "x");
}

TEST_P(LayerApplierTest, BoundsEntries) {
  limits_.max_entries = 3;
  EXPECT_TRUE(Apply(TarBuilder().File("a", "").File("b", "").Finish()).ok());
  EXPECT_TRUE(Apply(TarBuilder().File("a", "").File("b", "").File("c", "").Finish()).ok());
  EXPECT_THAT(
      Refusal(TarBuilder().File("a", "").File("b", "").File("c", "").File("d", "").Finish()),
      HasSubstr("more files than allowed"));
}

TEST(EntryPath, IsMadeCanonical) {
  Limits limits;
  EXPECT_EQ(*CanonicalEntryPath("./usr//bin/.", limits), "usr/bin");
  EXPECT_EQ(*CanonicalEntryPath("./", limits), "");
  EXPECT_EQ(*CanonicalEntryPath("...", limits), "...");
  EXPECT_EQ(*CanonicalEntryPath("a/..b", limits), "a/..b");
  EXPECT_FALSE(CanonicalEntryPath(std::string_view("a\0b", 3), limits).ok());
  EXPECT_EQ(SplitEntryPath("a/b/c").parent, "a/b");
  EXPECT_EQ(SplitEntryPath("a/b/c").name, "c");
  EXPECT_EQ(SplitEntryPath("c").parent, "");
}

}  // namespace
}  // namespace nacre::image
