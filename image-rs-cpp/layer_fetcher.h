// Fetches and unpacks all layers of one image, a few side by side.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/status.h"
#include "image-rs-cpp/decrypt/layer_cipher.h"
#include "image-rs-cpp/limits.h"
#include "image-rs-cpp/registry/registry_client.h"
#include "image-rs-cpp/store/layer_store.h"

namespace nacre::image {

// One image's layers; the three vectors have the same length, bottom first.
struct LayerPlan {
  const ImageReference* reference;
  const std::vector<Descriptor>* layers;
  const std::vector<BlobDigest>* diff_ids;
  const std::vector<std::optional<LayerKey>>* keys;
};

// The first error ends the others too. Network failures are tried again (Limits::fetch_attempts);
// nothing that fails a check is.
absl::StatusOr<std::vector<std::shared_ptr<const StoredLayer>>> FetchLayers(
    const LayerPlan& plan, const Limits& limits, RegistryClient* registry, LayerStore* store);

}  // namespace nacre::image
