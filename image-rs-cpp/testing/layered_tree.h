// The tree that layers make together, as one sees it through our overlay and as umoci unpacks it.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "image-rs-cpp/store/layer_store.h"
#include "image-rs-cpp/testing/file_tree.h"

namespace nacre::image::testing {

// An overlay gives each folder the time of its topmost layer, and counts names layer by layer.
inline constexpr TreeOptions kWhatAnOverlayShows = {.folder_times = false, .links = false};

// The layer of this archive, unpacked now or earlier.
absl::StatusOr<std::shared_ptr<const StoredLayer>> StoreLayer(LayerStore* store, const Bytes& tar);

// `folder` exists; each makes folders of its own in it. Archives are bottom first. What is told of
// the tree is kWhatAnOverlayShows.
// With the layers in `volumes` if given.
absl::StatusOr<std::string> TreeThroughOverlay(const std::string& folder,
                                               const std::vector<Bytes>& tars,
                                               LayerVolumes* volumes = nullptr);
absl::StatusOr<std::string> TreeByUmoci(const std::string& folder, const std::vector<Bytes>& tars);

}  // namespace nacre::image::testing
