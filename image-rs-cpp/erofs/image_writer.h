// Writes what an ImageTree holds behind the content of its files, and the superblock in front:
// after that the volume is an EROFS image.
#pragma once

#include "base/status.h"
#include "image-rs-cpp/erofs/image_tree.h"
#include "image-rs-cpp/erofs/volume_writer.h"

namespace nacre::image::erofs {

// Files' content has been written already. Numbers the inodes, counts their links, and leaves out
// what no name leads to any more. kResourceExhausted when it does not fit; errors of the volume
// and of EncodeXattrs.
absl::StatusOr<VerityRoot> WriteImage(ImageTree* tree, VolumeWriter* out);

}  // namespace nacre::image::erofs
