#include "image-rs-cpp/encrypt/registry_image.h"

namespace nacre::image {
namespace {

constexpr std::string_view kPrefix = "docker://";

}  // namespace

bool NamesRegistryImage(std::string_view name) { return name.starts_with(kPrefix); }

absl::StatusOr<RegistryImage> OpenRegistryImage(std::string_view name,
                                                const SourceOptions& options) {
  RegistryImage image;
  ASSIGN_OR_RETURN(image.reference, ParseImageReference(name.substr(kPrefix.size())));
  ASSIGN_OR_RETURN(image.client, RegistryClient::Create(options.registry, options.limits));
  return image;
}

}  // namespace nacre::image
