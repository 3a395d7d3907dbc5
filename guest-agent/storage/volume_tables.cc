#include "guest-agent/storage/volume_tables.h"

#include "base/encoding.h"
#include "base/strings.h"

namespace nacre::guest_agent {

DeviceTable LinearTable(const std::vector<Extent>& extents, std::string_view below) {
  DeviceTable table;
  uint64_t start = 0;
  for (const Extent& extent : extents) {
    const uint64_t sectors = extent.blocks * kBlockSectors;
    table.push_back({start, sectors, "linear", StrCat(below, " ", extent.start * kBlockSectors)});
    start += sectors;
  }
  return table;
}

// Version, data device, hash device, block sizes, data blocks, where the tree begins, digest, root,
// salt. No options: they are for restarting, for panics and for reading all the same. Not even
// check_at_most_once: a block is read from the host again and again.
DeviceTable VerityTable(const image::VerityRoot& root, std::string_view device) {
  return {{0, root.data_blocks * kBlockSectors, "verity",
           StrCat("1 ", device, " ", device, " ", image::kVolumeBlock, " ", image::kVolumeBlock,
                  " ", root.data_blocks, " ", root.data_blocks, " sha256 ",
                  HexEncode(AsBytes(root.hash)), " ", HexEncode(AsBytes(root.salt)))}};
}

}  // namespace nacre::guest_agent
