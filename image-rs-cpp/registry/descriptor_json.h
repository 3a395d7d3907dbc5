// Pieces of JSON that image manifests, indexes and artifact manifests share.
#pragma once

#include <string_view>

#include "base/json.h"
#include "image-rs-cpp/registry/manifest.h"

namespace nacre::image {

// {"mediaType", "digest", "size", "annotations"?}; kInvalidArgument beginning with `where`.
absl::StatusOr<Descriptor> ParseDescriptor(const Json& json, std::string_view where);

// A document of at most max_manifest_size bytes whose schemaVersion is 2; kUnimplemented for
// another.
absl::StatusOr<Json> ParseVersion2(std::string_view text, const Limits& limits,
                                   std::string_view what);

}  // namespace nacre::image
