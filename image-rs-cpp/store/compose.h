// Puts unpacked layers together. Layers are unpacked one by one, without sight of each other, so
// three things remain to be seen when they become one image:
//
//  - A layer may use a folder ("var/lib") without naming it in its archive. Its attributes then are
//    those the folder has in a lower layer; overlayfs would show those of the stand-in we made.
//    Where that matters, one small folder tree on top restores them.
//  - Such a folder may be a symbolic link in a lower layer ("bin" -> "usr/bin"). Unpacked onto one
//    file system the files would have gone to the link's target; overlayfs would hide the link and
//    all that is behind it. That image is refused rather than shown wrong.
//  - A hard link may have its target in a lower layer. As link(2) on an overlay would, we copy the
//    file up, to that same tree on top, once for all its names there.
//
// A layer that an image has more than once (an empty one, mostly) stands where it is topmost: what
// it has further down is hidden by itself, and overlayfs takes no folder twice.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "image-rs-cpp/store/layer_store.h"

namespace nacre::image {

struct ComposedLayers {
  std::vector<std::string> lower_dirs;  // top first, at least one; absolute paths
  // Of the root folder itself, which overlayfs takes from the upper folder.
  mode_t root_mode = 0755;
  uid_t root_uid = 0;
  gid_t root_gid = 0;
};

// `layers` bottom first. `attributes_dir` does not exist yet; it is made only when needed (for an
// image without layers too). kUnimplemented for the second case above; kInvalidArgument for a hard
// link to what no lower layer has.
absl::StatusOr<ComposedLayers> ComposeLayers(
    const std::vector<std::shared_ptr<const StoredLayer>>& layers,
    const std::string& attributes_dir);

}  // namespace nacre::image
