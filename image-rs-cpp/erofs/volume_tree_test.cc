// A layer in a volume and the same layer in a folder: the same tree, the same facts, or the same
// refusal. That a folder gets what the archive means, GNU tar and umoci say elsewhere
// (unpack/tar_differential_test.cc, store/layers_differential_test.cc).
#include "image-rs-cpp/erofs/volume_tree.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <map>

#include "base/file.h"
#include "base/property_testing.h"
#include "base/status_testing.h"
#include "base/strings.h"
#include "image-rs-cpp/testing/file_tree.h"
#include "image-rs-cpp/testing/file_volumes.h"
#include "image-rs-cpp/testing/tar_builder.h"
#include "image-rs-cpp/unpack/folder_tree.h"
#include "image-rs-cpp/unpack/layer_applier.h"
#include "image-rs-cpp/unpack/tar_reader.h"

namespace nacre::image::erofs {
namespace {

using testing::TarBuilder;

absl::StatusOr<LayerFacts> Apply(ByteView tar, LayerTree* tree) {
  const Limits limits;
  UnpackBudget budget(limits);
  LayerApplier applier(tree, limits, &budget);
  TarReader reader(&applier, limits);
  // Pieces that break entries anywhere.
  while (!tar.empty()) {
    const ByteView piece = tar.first(std::min<size_t>(tar.size(), 1021));
    RETURN_IF_ERROR(reader.Write(piece));
    tar = tar.subspan(piece.size());
  }
  RETURN_IF_ERROR(reader.Finish());
  return applier.Finish();
}

// What one sees. Of whiteouts only that they are some: nobody sees their owners and times.
std::string Shown(const std::string& root) {
  std::string out;
  const std::string tree = testing::DescribeTree(root, {.folder_times = false});
  for (const std::string_view line : StrSplit(tree, '\n')) {
    const bool whiteout = line.find(" device 0:0 ") != std::string_view::npos;
    StrAppend(
        &out,
        whiteout ? StrCat(line.substr(0, line.find(" mode ")), " deleted") : std::string(line),
        "\n");
  }
  return out;
}

struct Outcome {
  absl::Status status;
  std::string tree;
  LayerFacts facts;
};

Outcome IntoFolder(const std::string& folder, ByteView tar) {
  Outcome outcome;
  outcome.status = MakeDirectories(folder);
  auto tree = FolderTree::Create(folder);
  if (outcome.status.ok()) outcome.status = tree.status();
  if (!outcome.status.ok()) return outcome;
  auto facts = Apply(tar, tree->get());
  outcome.status = facts.status();
  if (facts.ok()) outcome = {absl::OkStatus(), Shown(folder), *std::move(facts)};
  return outcome;
}

Outcome IntoVolume(testing::FileVolumes* volumes, ByteView tar) {
  Outcome outcome;
  auto volume = volumes->New();
  outcome.status = volume.status();
  if (!volume.ok()) return outcome;
  VolumeTree tree(volume->get());
  auto facts = Apply(tar, &tree);
  outcome.status = facts.status();
  if (!facts.ok()) return outcome;
  auto at = (*volume)->Mount(tree.root());
  outcome.status = at.status();
  if (at.ok()) outcome = {absl::OkStatus(), Shown(*at), *std::move(facts)};
  return outcome;
}

struct Step {
  uint32_t kind = 0;
  uint32_t path = 0;
  uint32_t target = 0;
  uint32_t dress = 0;
};

// "a", "a/b/c" and the like, of few names, so that entries meet.
std::string PathOf(uint32_t number) {
  std::string path;
  for (uint32_t depth = 1 + number % 3; depth > 0; --depth) {
    number /= 3;
    StrAppend(&path, path.empty() ? "" : "/", std::string(1, "abc"[number % 3]));
  }
  return path;
}

void AddStep(const Step& step, TarBuilder* tar) {
  const std::string path = PathOf(step.path);
  testing::Member member{.path = path,
                         .mode = step.dress % 010000,
                         .uid = step.dress % 3 * 1000,
                         .gid = step.dress / 3 % 2 * 70'000,
                         .mtime = 1'000'000'000 + static_cast<int64_t>(step.dress % 1'000'000)};
  switch (step.kind % 14) {
    case 0:
    case 1:
    case 2:
      member.content = std::string(step.dress % 9000, static_cast<char>('a' + step.dress % 26));
      break;
    case 3:
    case 4:
      member.type = '5';
      break;
    case 5:
      member.type = '2', member.link_target = step.dress % 2 == 0 ? "a" : "../../etc";
      break;
    case 6:
    case 7:
      member.type = '1', member.link_target = PathOf(step.target);
      break;
    case 8:
      member.type = "346"[step.dress % 3], member.major = 1 + step.dress % 5;
      break;
    case 9:
      member.path = StrCat(path.substr(0, path.size() - 1), ".wh.", path.substr(path.size() - 1));
      break;
    case 10:
      member.path += "/.wh..wh..opq";
      break;
    case 11:
      tar->Pax({{"SCHILY.xattr.trusted.note", std::to_string(step.dress % 5)}});
      member.type = "05"[step.dress % 2];
      break;
    case 12:
      tar->Pax({{step.dress % 3 == 0 ? "SCHILY.acl.default" : "SCHILY.acl.access",
                 step.dress % 2 == 0 ? "user::rwx,group::r-x,other::--x"
                                     : "user::rw-,user:5:rwx,group::r-x,mask::r-x,other::---"}});
      member.type = "055"[step.dress % 3];
      break;
    default:
      tar->Pax({{"GNU.sparse.size", std::to_string(20'000 + step.dress)},
                {"GNU.sparse.map", StrCat(step.dress % 9000, ",4,", 15'000 + step.dress, ",2")}});
      member.content = "sparse";
  }
  tar->Add(member);
}

rc::Gen<std::vector<Step>> Steps() {
  const auto number = rc::gen::resize(rc::kNominalSize, rc::gen::inRange<uint32_t>(0, 100'000));
  const auto step =
      rc::gen::build<Step>(rc::gen::set(&Step::kind, number), rc::gen::set(&Step::path, number),
                           rc::gen::set(&Step::target, number), rc::gen::set(&Step::dress, number));
  return rc::gen::resize(25, rc::gen::container<std::vector<Step>>(step));
}

TEST(VolumeTreeTest, MakesOfAnyArchiveWhatAFolderDoes) {
  if (const std::string why = testing::WhyNoVolumes(); !why.empty()) GTEST_SKIP() << why;
  int taken = 0, refused = 0;
  CheckProperty(250, [&] {
    TarBuilder tar;
    for (const Step& step : *Steps()) AddStep(step, &tar);
    const Bytes bytes = tar.Finish();
    auto folder = TemporaryDirectory::Create("volume_tree");
    RC_ASSERT(folder.ok());
    testing::FileVolumes volumes(folder->path() + "/volumes", 1 << 28);
    const Outcome theirs = IntoFolder(folder->path() + "/folder", bytes);
    const Outcome ours = IntoVolume(&volumes, bytes);
    RC_ASSERT(ours.status.code() == theirs.status.code());
    ++(theirs.status.ok() ? taken : refused);
    RC_ASSERT(ours.tree == theirs.tree);
    RC_ASSERT(ours.facts.implicit_folders == theirs.facts.implicit_folders);
    RC_ASSERT(ours.facts.outside_links == theirs.facts.outside_links);
    RC_ASSERT(ours.facts.bytes == theirs.facts.bytes);
    RC_ASSERT(volumes.count() == 0u);
  });
  EXPECT_GT(taken, 20);
  EXPECT_GT(refused, 20);
}

class VolumeTreeSizesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = testing::WhyNoVolumes(); !why.empty()) GTEST_SKIP() << why;
    folder_.emplace(*TemporaryDirectory::Create("volume_tree"));
    volumes_.emplace(folder_->path() + "/volumes", uint64_t{8} << 30);
  }
  std::optional<TemporaryDirectory> folder_;
  std::optional<testing::FileVolumes> volumes_;
};

TEST_F(VolumeTreeSizesTest, KeepsFolderTimesAndOwners) {
  const Bytes tar = TarBuilder()
                        .Add({.path = "./", .type = '5', .mode = 0711, .uid = 5, .mtime = 99})
                        .Add({.path = "d", .type = '5', .mode = 0700, .gid = 6, .mtime = 1000})
                        .File("d/x", "x")
                        .Finish();
  auto volume = volumes_->New();
  ASSERT_OK(volume.status());
  VolumeTree tree(volume->get());
  ASSERT_OK(Apply(tar, &tree).status());
  ASSERT_OK_AND_ASSIGN(const std::string at, (*volume)->Mount(tree.root()));
  const std::string folder = folder_->path() + "/folder";
  ASSERT_OK(IntoFolder(folder, tar).status);
  EXPECT_EQ(testing::DescribeTree(at), testing::DescribeTree(folder));
}

TEST_F(VolumeTreeSizesTest, SaysWhichEntryIsTooMuchToRemember) {
  const auto refused = [&](const TarBuilder& tar) {
    auto volume = volumes_->New();
    VolumeTree tree(volume->get(), 20'000);
    return Apply(TarBuilder(tar).Finish(), &tree).status();
  };
  TarBuilder names, notes, links;
  for (int i = 0; i < 50; ++i) names.File(StrCat("f", i), "");
  EXPECT_OK(refused(names));
  for (int i = 50; i < 500; ++i) names.File(StrCat("f", i), "");
  EXPECT_STATUS(refused(names), kResourceExhausted, "more memory than allowed: 20000");
  EXPECT_STATUS(refused(names), kResourceExhausted, "tar entry 'f");
  // A folder that is named again and again with more and more.
  for (int i = 0; i < 30; ++i) {
    notes.Pax({{StrCat("SCHILY.xattr.trusted.", i), std::string(1000, 'n')}}).Folder("d");
  }
  EXPECT_STATUS(refused(notes), kResourceExhausted, "tar entry 'd'");
  for (int i = 0; i < 300; ++i) {
    links.Pax({{"linkpath", std::string(300, 'l')}}).Symlink("l", "x");  // one replaces the other
  }
  EXPECT_STATUS(refused(links), kResourceExhausted, "tar entry 'l'");
}

TEST_F(VolumeTreeSizesTest, BoundsWhatHolesMayTake) {
  // Parts a chunk apart: each makes a whole chunk of zeros.
  auto sparse = [](uint64_t chunk, int parts) {
    std::string map;
    for (int i = 0; i < parts; ++i) {
      StrAppend(&map, map.empty() ? "" : ",", 2 * chunk * static_cast<uint64_t>(i) + 5, ",1");
    }
    return TarBuilder()
        .Pax({{"GNU.sparse.size", std::to_string(uint64_t{60} << 30)}, {"GNU.sparse.map", map}})
        .File("sparse", std::string(static_cast<size_t>(parts), 'x'))
        .Finish();
  };
  auto apply = [&](const Bytes& tar) {
    auto volume = volumes_->New();
    VolumeTree tree(volume->get());
    return Apply(tar, &tree).status();
  };
  const uint64_t chunk = 256 << 10;
  EXPECT_OK(apply(sparse(chunk, 900)));
  EXPECT_STATUS(apply(sparse(chunk, 1100)), kResourceExhausted, "'sparse': sparse files with");
  EXPECT_EQ(volumes_->used(), 0u);
}

}  // namespace
}  // namespace nacre::image::erofs
