#include "guest-agent/storage/volume_tables.h"

#include <gtest/gtest.h>
#include <linux/dm-ioctl.h>

#include <cstring>

namespace nacre::guest_agent {
namespace {

TEST(LinearTable, PutsRunsBehindEachOther) {
  EXPECT_EQ(LinearTable({{0, 1}}, "/dev/dm-0"), (DeviceTable{{0, 8, "linear", "/dev/dm-0 0"}}));
  EXPECT_EQ(LinearTable({{100, 16}, {4, 1}, {uint64_t{1} << 33, 4096}}, "/dev/dm-0"),
            (DeviceTable{{0, 128, "linear", "/dev/dm-0 800"},
                         {128, 8, "linear", "/dev/dm-0 32"},
                         {136, 32768, "linear", "/dev/dm-0 68719476736"}}));
  EXPECT_EQ(LinearTable({}, "/dev/dm-0"), DeviceTable{});
}

// The words are those of the kernel's documentation (verity.rst, "Construction Parameters"), and of
// `veritysetup open` with --hash-offset: no superblock, the tree in block `data_blocks`.
TEST(VerityTable, HasTheTreeBehindTheData) {
  const image::VerityRoot root{.hash = std::string(32, '\xab'),
                               .salt = std::string(31, '\x01') + '\0',
                               .data_blocks = 300,
                               .leaf_blocks = 3,
                               .inner_blocks = 1};
  EXPECT_EQ(VerityTable(root, "/dev/dm-7"),
            (DeviceTable{{0, 2400, "verity",
                          "1 /dev/dm-7 /dev/dm-7 4096 4096 300 300 sha256 "
                          "abababababababababababababababababababababababababababababababab "
                          "0101010101010101010101010101010101010101010101010101010101010100"}}));
}

dm_target_spec SpecAt(const Bytes& table, size_t at) {
  dm_target_spec spec;
  std::memcpy(&spec, table.data() + at, sizeof(spec));
  return spec;
}

TEST(EncodeTable, SaysWhereTheNextTargetIs) {
  // 40 bytes of specification; "12345678" needs a ninth for its NUL, "1234567" does not.
  const Bytes table = EncodeTable({{0, 8, "linear", "12345678"}, {8, 16, "verity", "1234567"}});
  ASSERT_EQ(table.size(), 56u + 48);
  const dm_target_spec first = SpecAt(table, 0), second = SpecAt(table, first.next);
  EXPECT_EQ(first.next, 56u);
  EXPECT_EQ(first.sector_start, 0u);
  EXPECT_EQ(first.length, 8u);
  EXPECT_STREQ(first.target_type, "linear");
  EXPECT_STREQ(reinterpret_cast<const char*>(table.data() + 40), "12345678");
  EXPECT_EQ(second.next, 48u);
  EXPECT_EQ(second.sector_start, 8u);
  EXPECT_EQ(second.length, 16u);
  EXPECT_STREQ(second.target_type, "verity");
  EXPECT_STREQ(reinterpret_cast<const char*>(table.data() + 96), "1234567");
  EXPECT_TRUE(EncodeTable({}).empty());
}

}  // namespace
}  // namespace nacre::guest_agent
