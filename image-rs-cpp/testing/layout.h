// OCI image layouts of images made in memory.
#pragma once

#include <string>

#include "base/status.h"
#include "image-rs-cpp/registry/manifest.h"
#include "image-rs-cpp/testing/test_image.h"

namespace nacre::image::testing {

// A new layout at `path` with this image under `tag`.
absl::Status WriteLayout(const TestImage& image, const std::string& path, const std::string& tag);

// The manifest with this tag.
absl::StatusOr<Manifest> ReadLayout(const std::string& path, const std::string& tag);

// The blobs of the layers, one after the other.
absl::StatusOr<std::vector<std::string>> ReadLayers(const std::string& path,
                                                    const std::string& tag);

}  // namespace nacre::image::testing
