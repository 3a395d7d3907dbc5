// Artifacts beside an image: signatures and bundles that a registry keeps under a tag or lists as
// referrers (OCI image spec 1.1, manifest.md "artifactType"; distribution spec 1.1, "Listing
// Referrers").
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "image-rs-cpp/registry/manifest.h"

namespace nacre::image {

inline constexpr size_t kMaxArtifactLayers = 64;
inline constexpr size_t kMaxReferrers = 256;

struct Artifact {
  std::string type;                // "artifactType", or else the config's media type
  std::vector<Descriptor> layers;  // of any media type
};

struct Referrer {
  Descriptor descriptor;
  std::string type;  // "" when the index does not say
};

// As ParseManifest and ParseIndex, without their demands on media types.
absl::StatusOr<Artifact> ParseArtifact(std::string_view text, const Limits& limits);
absl::StatusOr<std::vector<Referrer>> ParseReferrers(std::string_view text, const Limits& limits);

}  // namespace nacre::image
