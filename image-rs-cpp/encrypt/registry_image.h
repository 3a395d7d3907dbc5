// An image in a registry as an owner's source or destination names it: "docker://NAME".
#pragma once

#include <memory>
#include <string_view>

#include "image-rs-cpp/encrypt/image_source.h"
#include "image-rs-cpp/registry/reference.h"
#include "image-rs-cpp/registry/registry_client.h"

namespace nacre::image {

struct RegistryImage {
  ImageReference reference;
  std::unique_ptr<RegistryClient> client;
};

bool NamesRegistryImage(std::string_view name);
// Connects to nothing yet. kInvalidArgument for a malformed name.
absl::StatusOr<RegistryImage> OpenRegistryImage(std::string_view name,
                                                const SourceOptions& options);

}  // namespace nacre::image
