// Writes an image again with other layers: what encrypting and decrypting have in common.
#pragma once

#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "base/status.h"
#include "image-rs-cpp/encrypt/image_destination.h"
#include "image-rs-cpp/encrypt/image_source.h"
#include "image-rs-cpp/limits.h"
#include "image-rs-cpp/registry/manifest.h"

namespace nacre::image {

struct RewriteRequest {
  ImageSource* source = nullptr;
  std::string destination;  // see image_destination.h
  Platform platform;        // which image of an index
  Limits limits;
  RegistryOptions registry = {};  // of the destination
};

// What goes into the new image in place of one layer: adds the blob and gives its descriptor.
using LayerChange = absl::FunctionRef<absl::StatusOr<Descriptor>(
    size_t number, const Descriptor& layer, ImageDestination* destination)>;
// Called once, before the first layer, with all of them.
using LayersSeen = absl::FunctionRef<absl::Status(const std::vector<Descriptor>& layers)>;

// The new manifest's digest. Its media types are OCI's, whatever the source's were; everything else
// in manifest and configuration stays. On failure a layout made for it is removed again, and in a
// registry nothing has the new name.
absl::StatusOr<std::string> RewriteImage(const RewriteRequest& request, LayersSeen seen,
                                         LayerChange change);

// The blob as it is; not moved when the destination has it.
absl::StatusOr<Descriptor> CopyBlob(ImageSource* source, const Descriptor& blob,
                                    ImageDestination* destination);

// OCI's name for a layer's media type; Docker's names become those, others stay.
std::string OciLayerMediaType(std::string_view media_type);

}  // namespace nacre::image
