// How runs of one disk become a layer's volume, in the device mapper's words: pure functions.
#pragma once

#include <string_view>
#include <vector>

#include "guest-agent/storage/block_allocator.h"
#include "guest-agent/storage/device_mapper.h"
#include "image-rs-cpp/store/layer_volume.h"

namespace nacre::guest_agent {

inline constexpr uint64_t kBlockSectors = image::kVolumeBlock / 512;

// The extents of the device `below`, one behind the other (Documentation/admin-guide/
// device-mapper/linear.rst).
DeviceTable LinearTable(const std::vector<Extent>& extents, std::string_view below);

// `device` has the data and right behind it the tree, inner levels first. A block that is not what
// the root says is EIO for whoever reads it (Documentation/admin-guide/device-mapper/verity.rst).
DeviceTable VerityTable(const image::VerityRoot& root, std::string_view device);

}  // namespace nacre::guest_agent
