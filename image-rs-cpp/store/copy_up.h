// Copies a file or a folder's attributes out of a layer, as overlayfs copies up.
#pragma once

#include <string>

#include "base/status.h"
#include "image-rs-cpp/unpack/confined_folder.h"

namespace nacre::image {

// A file of any kind but a folder, at a canonical path in `layer`, to a new path in a folder of
// ours that nobody else writes to; with owner, mode, time and attributes. Holes stay holes.
absl::Status CopyUp(const ConfinedFolder& layer, const std::string& path, const std::string& to);

// Owner, mode, time and extended attributes (not overlayfs's own) of what is open as `from`, which
// may be an O_PATH descriptor, to a path in such a folder.
absl::Status CopyAttributes(int from, const std::string& to);

}  // namespace nacre::image
