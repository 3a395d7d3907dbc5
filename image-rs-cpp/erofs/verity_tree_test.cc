#include "image-rs-cpp/erofs/verity_tree.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <map>

#include "base/encoding.h"
#include "base/file.h"
#include "base/status_testing.h"
#include "base/strings.h"
#include "base/subprocess.h"

namespace nacre::image::erofs {
namespace {

constexpr size_t kBlock = kVolumeBlock;

// The parts in memory.
class MemoryVolume : public LayerVolume {
 public:
  absl::Status Write(VolumePart part, uint64_t block, ByteView blocks) override {
    if (++writes == fail_at) return absl::ResourceExhaustedError("no room");
    Bytes& bytes = parts[part];
    const size_t at = block * kBlock;
    bytes.resize(std::max(bytes.size(), at + blocks.size()));
    std::copy(blocks.begin(), blocks.end(), bytes.begin() + static_cast<ptrdiff_t>(at));
    return absl::OkStatus();
  }
  absl::StatusOr<std::string> Mount(const VerityRoot&) override { return "nowhere"; }

  std::map<VolumePart, Bytes> parts;
  int writes = 0, fail_at = 0;
};

std::string Salt() { return std::string(31, '\x5a') + '\x01'; }

// Different bytes in every block, for all but the first few of many blocks the same in one.
Bytes Block(uint64_t number) {
  Bytes block(kBlock, static_cast<uint8_t>(number));
  for (int i = 0; i < 8; ++i) block[i] = static_cast<uint8_t>(number >> (8 * i));
  return block;
}

absl::StatusOr<VerityRoot> MakeTree(uint64_t blocks, size_t at_once, MemoryVolume* volume,
                                    Bytes* data) {
  VerityTree tree(volume, Salt());
  *data = Block(0);
  for (uint64_t i = 1; i < blocks; ++i) {
    const Bytes block = Block(i);
    data->insert(data->end(), block.begin(), block.end());
  }
  for (ByteView rest = ByteView(*data).subspan(kBlock); !rest.empty();) {
    const ByteView next = rest.first(std::min(rest.size(), at_once * kBlock));
    RETURN_IF_ERROR(tree.Add(next));
    rest = rest.subspan(next.size());
  }
  return tree.Finish(ByteView(*data).first(kBlock));
}

class VerityTreeTest : public ::testing::TestWithParam<uint64_t> {};

TEST_P(VerityTreeTest, IsTheOneOfVeritysetup) {
  if (access("/usr/sbin/veritysetup", X_OK) != 0) GTEST_SKIP() << "needs veritysetup";
  MemoryVolume volume;
  Bytes data;
  ASSERT_OK_AND_ASSIGN(const VerityRoot root, MakeTree(GetParam(), 100, &volume, &data));
  EXPECT_EQ(root.data_blocks, GetParam());
  EXPECT_EQ(root.salt, Salt());
  const Bytes& leaves = volume.parts[VolumePart::kLeafHashes];
  Bytes hashes = volume.parts[VolumePart::kInnerHashes];
  EXPECT_EQ(hashes.size(), root.inner_blocks * kBlock);
  EXPECT_EQ(leaves.size(), root.leaf_blocks * kBlock);
  hashes.insert(hashes.end(), leaves.begin(), leaves.end());

  ASSERT_OK_AND_ASSIGN(const auto folder, TemporaryDirectory::Create("verity"));
  ASSERT_OK(WriteFile(folder.path() + "/data", data));
  SubprocessOptions format;
  format.argv = {"veritysetup",           "format",
                 "--no-superblock",       "--salt=" + HexEncode(AsBytes(Salt())),
                 folder.path() + "/data", folder.path() + "/hashes"};
  ASSERT_OK_AND_ASSIGN(const CommandResult result, RunCommand(format));
  ASSERT_EQ(result.exit.code, 0) << result.err;
  EXPECT_NE(result.out.find(HexEncode(AsBytes(root.hash))), std::string::npos) << result.out;
  ASSERT_OK_AND_ASSIGN(const Bytes theirs, ReadFile(folder.path() + "/hashes", 16 << 20));
  EXPECT_TRUE(theirs == hashes) << theirs.size() << " bytes, ours " << hashes.size();
}

INSTANTIATE_TEST_SUITE_P(Blocks, VerityTreeTest,
                         ::testing::Values(1, 2, 127, 128, 129, 255, 256, 257, 16383, 16384, 16385,
                                           16513));

TEST(VerityTreeTest, IsTheSameInPiecesOfAnySize) {
  MemoryVolume one, many;
  Bytes data;
  ASSERT_OK_AND_ASSIGN(const VerityRoot first, MakeTree(300, 1, &one, &data));
  ASSERT_OK_AND_ASSIGN(const VerityRoot second, MakeTree(300, 299, &many, &data));
  EXPECT_EQ(first.hash, second.hash);
  EXPECT_EQ(one.parts, many.parts);
}

TEST(VerityTreeTest, DependsOnEveryBlockAndTheSalt) {
  MemoryVolume volume;
  Bytes data;
  ASSERT_OK_AND_ASSIGN(const VerityRoot root, MakeTree(130, 130, &volume, &data));
  for (const size_t block : {0, 1, 127, 128, 129}) {
    Bytes changed = data;
    changed[block * kBlock + 77] ^= 1;
    MemoryVolume other;
    VerityTree tree(&other, Salt());
    ASSERT_OK(tree.Add(ByteView(changed).subspan(kBlock)));
    ASSERT_OK_AND_ASSIGN(const VerityRoot now, tree.Finish(ByteView(changed).first(kBlock)));
    EXPECT_NE(now.hash, root.hash) << block;
  }
  VerityTree tree(&volume, std::string(32, 'x'));
  ASSERT_OK(tree.Add(ByteView(data).subspan(kBlock)));
  ASSERT_OK_AND_ASSIGN(const VerityRoot salted, tree.Finish(ByteView(data).first(kBlock)));
  EXPECT_NE(salted.hash, root.hash);
}

TEST(VerityTreeTest, PassesOnThatThereIsNoRoom) {
  Bytes data;
  MemoryVolume counted;
  ASSERT_OK(MakeTree(300, 300, &counted, &data).status());
  ASSERT_EQ(counted.writes, 4);  // the second leaf, the third, the inner level, the first leaf
  for (int at = 1; at <= counted.writes; ++at) {
    MemoryVolume volume;
    volume.fail_at = at;
    EXPECT_STATUS(MakeTree(300, 300, &volume, &data), kResourceExhausted, "no room");
  }
}

}  // namespace
}  // namespace nacre::image::erofs
