// Where an owner's image comes from, named as skopeo names it:
//
//   oci:FOLDER[:TAG]    an OCI image layout; without a tag the only image in it
//   docker://NAME       a registry
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "base/bytes.h"
#include "base/status.h"
#include "image-rs-cpp/limits.h"
#include "image-rs-cpp/registry/manifest.h"
#include "image-rs-cpp/registry/registry_client.h"

namespace nacre::image {

// "oci:FOLDER:TAG" taken apart. kInvalidArgument for anything else.
struct LayoutName {
  std::string folder;
  std::string tag;  // "" when not given
};
absl::StatusOr<LayoutName> ParseLayoutName(std::string_view name);

class ImageSource {
 public:
  using OnBytes = absl::FunctionRef<absl::Status(ByteView)>;
  struct Document {
    std::string text;
    std::string media_type;  // as the place says; may be empty
  };

  virtual ~ImageSource() = default;
  // The manifest or index the name leads to.
  virtual absl::StatusOr<Document> Named() = 0;
  // A manifest by its digest, which is checked.
  virtual absl::StatusOr<Document> ByDigest(const Descriptor& manifest) = 0;
  // A blob in pieces; size and digest are checked at its end.
  virtual absl::Status StreamBlob(const Descriptor& blob, OnBytes on_bytes) = 0;
  // "host:port/repository" of a registry, where others may find its blobs; "" else.
  virtual std::string repository() const { return ""; }
};

struct SourceOptions {
  RegistryOptions registry;
  Limits limits;
};

// kInvalidArgument for a name of neither form, kNotFound for a folder or tag that is not there.
absl::StatusOr<std::unique_ptr<ImageSource>> OpenImageSource(std::string_view name,
                                                             const SourceOptions& options);

// The manifest for one platform: the named one, or the entry of the named index.
absl::StatusOr<ImageSource::Document> ReadManifest(ImageSource* source, const Platform& platform,
                                                   const Limits& limits);

}  // namespace nacre::image
