// One layer's entry in the index of the store: a small JSON document, paths in base64 since they
// are bytes of any kind.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "image-rs-cpp/store/layer_store.h"

namespace nacre::image {

inline constexpr size_t kMaxIndexEntry = 64 << 20;

// `folder` is the layer's name below layers/.
absl::StatusOr<std::string> FormatIndexEntry(const StoredLayer& layer, std::string_view folder);
// The layer with its folder's name for a path; kInvalidArgument for anything else than was written.
absl::StatusOr<StoredLayer> ParseIndexEntry(std::string_view text);

}  // namespace nacre::image
