// Fetches and unpacks all layers of one image, a few side by side.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/status.h"
#include "image-rs-cpp/decrypt/layer_cipher.h"
#include "image-rs-cpp/limits.h"
#include "image-rs-cpp/registry/blob_source.h"
#include "image-rs-cpp/store/layer_store.h"

namespace nacre::image {

// One image's layers; the three vectors have the same length, bottom first.
struct LayerPlan {
  const ImageReference* reference;
  const std::vector<Descriptor>* layers;
  const std::vector<BlobDigest>* diff_ids;
  const std::vector<std::optional<LayerKey>>* keys;
};

// A plain compressed layer is asked for unpacked first, of all sources but the last; what breaks
// off so is begun anew as a blob. For blobs sources are asked in order; one that breaks off is
// followed by the next from the byte where it stopped, with all that has been hashed and unpacked
// so far, and after the last by the last again (Limits::fetch_attempts). Nothing that fails a check
// is tried again, with one exception: a layer with bytes from a source other than the last one that
// turns out wrong is fetched once more from the last one alone, and an error then tells of both.
// The first error ends the other layers too.
absl::StatusOr<std::vector<std::shared_ptr<const StoredLayer>>> FetchLayers(
    const LayerPlan& plan, const Limits& limits, const std::vector<BlobSource*>& sources,
    LayerStore* store);

}  // namespace nacre::image
