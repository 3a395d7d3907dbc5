// Mounts composed layers as a root file system.
#pragma once

#include <string>

#include "base/status.h"
#include "image-rs-cpp/store/compose.h"

namespace nacre::image {

// Where a container's own changes go, and where it sees its root. `upper` and `work` are two empty
// or missing folders on one file system with trusted xattrs (tmpfs, ext4); all three are made when
// missing.
struct RootfsPlace {
  std::string upper;
  std::string work;
  std::string target;
};

// Mounts read-write with `nodev`: device nodes of the image are shown, never opened (the runtime
// gives the container its own /dev). kResourceExhausted when the layers' names do not fit into the
// kernel's one page of mount options, which they do for any Limits::max_layers in one store.
absl::Status MountLayers(const ComposedLayers& layers, const RootfsPlace& place);

// Takes the mount away, also while it is in use (it goes when its last user goes).
absl::Status UnmountRootfs(const std::string& target);

}  // namespace nacre::image
