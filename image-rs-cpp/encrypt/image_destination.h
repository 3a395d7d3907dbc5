// Where an owner's image goes, named as skopeo names it:
//
//   oci:FOLDER:TAG        an OCI image layout: a new one, or one that gets this tag
//   docker://NAME[:TAG]   a registry
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "base/bytes.h"
#include "base/status.h"
#include "image-rs-cpp/encrypt/image_source.h"
#include "image-rs-cpp/registry/manifest.h"

namespace nacre::image {

class ImageDestination {
 public:
  using OnBytes = absl::FunctionRef<absl::Status(ByteView)>;
  using Producer = absl::FunctionRef<absl::Status(OnBytes write)>;

  virtual ~ImageDestination() = default;
  // Adds what `produce` writes as a blob of sha256: its descriptor without media type and
  // annotations. It may be called again, to write all of it from the beginning.
  virtual absl::StatusOr<Descriptor> AddBlob(Producer produce) = 0;
  // The blob is there, or is now: it was taken from `repository` (of ImageSource) on the spot.
  virtual bool Has(const Descriptor& blob, const std::string& repository) = 0;
  // Names the image: nothing was to be seen of it before.
  virtual absl::Status Finish(const std::string& manifest, std::string_view media_type) = 0;
  // Takes back what can be taken back.
  virtual absl::Status Discard() = 0;
};

// kInvalidArgument for a name of neither form, without a tag for a layout, or with a digest.
absl::StatusOr<std::unique_ptr<ImageDestination>> OpenImageDestination(
    std::string_view name, const SourceOptions& options);

}  // namespace nacre::image
