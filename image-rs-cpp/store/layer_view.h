// What the layers of an image, each in a folder of its own, show together at a path: overlayfs's
// rules (kernel Documentation/filesystems/overlayfs.rst), applied before there is an overlay.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "image-rs-cpp/store/layer_store.h"
#include "image-rs-cpp/unpack/confined_folder.h"

namespace nacre::image {

struct OpenLayer {
  const StoredLayer* stored;
  ConfinedFolder folder;
};

// Where the attributes of a visible folder come from.
struct FolderOrigin {
  bool visible = false;
  bool restore = false;              // the topmost one is a stand-in
  const OpenLayer* named = nullptr;  // the first layer that names the folder; may be none
};

// The file that a hard link across layers means.
struct LinkSource {
  size_t depth;
  std::string path;
};

// The layers of an image, top first. Paths are canonical (unpack/entry_path.h).
class LayerView {
 public:
  void AddBelow(OpenLayer layer) { layers_.push_back(std::move(layer)); }
  const std::vector<OpenLayer>& layers() const { return layers_; }

  // kUnimplemented when a layer uses as a folder what a lower one has as a symbolic link.
  absl::StatusOr<FolderOrigin> FindOrigin(const std::string& path) const;

  // Whether what the layer at `depth` has at `path` can be seen through the layers above it.
  absl::StatusOr<bool> ShinesThrough(size_t depth, const std::string& path) const;

  // Whether the layer at `depth` has a whiteout at `path`.
  bool IsWhiteout(size_t depth, const std::string& path) const;

  // What a hard link of the layer at `depth` to `target` means. kInvalidArgument when no lower
  // layer has it as a file.
  absl::StatusOr<LinkSource> FindLinkSource(size_t depth, std::string target) const;

 private:
  std::vector<OpenLayer> layers_;
};

}  // namespace nacre::image
