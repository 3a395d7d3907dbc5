// A layer's tar into an EROFS image on a volume in memory. Whatever the tar says, the volume is
// written in order, each block once, and what an accepted one makes is no larger than the tar and
// what its entries need.
#include <array>
#include <cstdlib>

#include "base/fuzz_testing.h"
#include "image-rs-cpp/erofs/volume_tree.h"
#include "image-rs-cpp/testing/tar_builder.h"
#include "image-rs-cpp/unpack/layer_applier.h"
#include "image-rs-cpp/unpack/tar_reader.h"

namespace nacre::image {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

class CountedVolume : public LayerVolume {
 public:
  absl::Status Write(VolumePart part, uint64_t block, ByteView blocks) override {
    Require(!blocks.empty() && blocks.size() % kVolumeBlock == 0);
    uint64_t& next = next_[static_cast<size_t>(part)];
    const bool waits = part != VolumePart::kInnerHashes;
    if (block == 0 && waits) {
      bool& done = done_[static_cast<size_t>(part)];
      Require(!done && blocks.size() == kVolumeBlock);
      done = true;
    } else {
      Require(block == (next == 0 && waits ? 1 : next));
      next = block + blocks.size() / kVolumeBlock;
    }
    return absl::OkStatus();
  }
  absl::StatusOr<std::string> Mount(const VerityRoot&) override { return ""; }

  uint64_t data_blocks() const { return next_[0]; }
  bool done() const { return done_[0] && done_[1]; }

 private:
  std::array<uint64_t, 3> next_ = {};
  std::array<bool, 3> done_ = {};
};

Limits SmallLimits() {
  Limits limits;
  limits.max_unpacked_size = 16 << 20;
  limits.max_entries = 500;
  limits.unpack_ratio_from = 1 << 20;
  return limits;
}

void Try(ByteView data) {
  static const Limits limits = SmallLimits();
  CountedVolume volume;
  UnpackBudget budget(limits);
  erofs::VolumeTree tree(&volume, 1 << 20);
  LayerApplier applier(&tree, limits, &budget);
  TarReader reader(&applier, limits);
  if (!reader.Write(data).ok() || !reader.Finish().ok()) return;
  auto facts = applier.Finish();
  if (!facts.ok()) return;
  Require(volume.done() && tree.root().hash.size() == 32 && tree.root().data_blocks >= 2);
  Require(tree.root().data_blocks == volume.data_blocks());
  // An entry: what its content lacks to a block, its inode, its name in a folder, and perhaps a
  // block for either.
  Require(tree.root().data_blocks * kVolumeBlock <=
          data.size() + tree.filler() +
              (facts->entries + 8 + facts->implicit_folders.size()) * 5 * kVolumeBlock);
}

std::vector<std::string> Seeds() {
  using testing::TarBuilder;
  return {ToString(TarBuilder()
                       .Folder("d", 02755)
                       .File("d/x", std::string(5000, 'x'), 06755)
                       .Symlink("l", "../outside")
                       .HardLink("h", "d/x")
                       .HardLink("far", "lower/file")
                       .File("l", "over")
                       .File("d/.wh.gone", "")
                       .File("o/.wh..wh..opq", "")
                       .Finish()),
          ToString(TarBuilder()
                       .Pax({{"GNU.sparse.size", "12000000"}, {"GNU.sparse.map", "2,3,9000000,2"}})
                       .File("sparse", "abcde")
                       .Finish()),
          ToString(TarBuilder()
                       .Pax({{"SCHILY.acl.default", "user::rwx,group::r-x,other::---"},
                             {"SCHILY.xattr.user.note", std::string(5000, 'n')}})
                       .Folder("acl")
                       .Device("acl/null", '3', 1, 3)
                       .Folder("acl")
                       .Finish())};
}

NACRE_FUZZ_TARGET(ImageVolume, Try, Seeds)

}  // namespace
}  // namespace nacre::image
