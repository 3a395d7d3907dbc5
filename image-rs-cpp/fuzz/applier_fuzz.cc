// A layer's tar applied to a real folder. Whatever it says, what lies beside the folder stays as it
// is, and nothing in it is a device that overlayfs takes for something else than a whiteout.
#include <sys/stat.h>
#include <sys/xattr.h>

#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "base/fuzz_testing.h"
#include "base/strings.h"
#include "image-rs-cpp/testing/tar_builder.h"
#include "image-rs-cpp/unpack/folder_tree.h"
#include "image-rs-cpp/unpack/layer_applier.h"
#include "image-rs-cpp/unpack/tar_reader.h"

namespace nacre::image {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

Limits SmallLimits() {
  Limits limits;
  limits.max_unpacked_size = 16 << 20;
  limits.max_entries = 500;
  return limits;
}

void Try(ByteView data) {
  static const Limits limits = SmallLimits();
  auto folder = TemporaryDirectory::Create("applier_fuzz");
  Require(folder.ok());
  const std::string inside = folder->path() + "/inside", outside = folder->path() + "/outside";
  Require(MakeDirectories(inside).ok());
  Require(WriteFile(outside, AsBytes("untouched")).ok());
  struct stat before, after;
  Require(lstat(outside.c_str(), &before) == 0);
  UnpackBudget budget(limits);
  auto tree = FolderTree::Create(inside);
  Require(tree.ok());
  LayerApplier applier(tree->get(), limits, &budget);
  TarReader reader(&applier, limits);
  if (reader.Write(data).ok() && reader.Finish().ok()) {
    auto facts = applier.Finish();
    if (facts.ok()) Require(facts->entries <= limits.max_entries);
  }
  Require(ReadTextFile(outside, 100).value_or("") == "untouched");
  Require(lstat(outside.c_str(), &after) == 0);
  Require(before.st_mode == after.st_mode && before.st_nlink == after.st_nlink &&
          before.st_uid == after.st_uid && before.st_ctim.tv_nsec == after.st_ctim.tv_nsec);
  Require(std::distance(std::filesystem::directory_iterator(folder->path()), {}) == 2);
}

std::vector<std::string> Seeds() {
  using testing::TarBuilder;
  return {ToString(TarBuilder()
                       .Folder("d", 02755)
                       .File("d/x", "content", 06755)
                       .Symlink("l", "../outside")
                       .HardLink("h", "d/x")
                       .HardLink("far", "lower/file")
                       .File("l", "over")
                       .File("d/.wh.gone", "")
                       .File("o/.wh..wh..opq", "")
                       .Finish()),
          ToString(TarBuilder().File("../outside", "x").Finish()),
          ToString(TarBuilder().Symlink("up", "..").File("up/outside", "x").Finish()),
          ToString(TarBuilder().HardLink("x", "../outside").Finish()),
          ToString(TarBuilder()
                       .Pax({{"GNU.sparse.size", "12"}, {"GNU.sparse.map", "2,3,9,2"}})
                       .File("sparse", "abcde")
                       .Finish()),
          ToString(TarBuilder()
                       .Pax({{"SCHILY.acl.default", "user::rwx,group::r-x,other::---"}})
                       .Folder("acl")
                       .File("acl/x", "")
                       .Finish())};
}

NACRE_FUZZ_TARGET(ImageApplier, Try, Seeds)

}  // namespace
}  // namespace nacre::image
