#include "image-rs-cpp/encrypt/image_destination.h"

#include "base/file.h"
#include "base/strings.h"
#include "image-rs-cpp/encrypt/oci_layout.h"
#include "image-rs-cpp/encrypt/registry_image.h"
#include "image-rs-cpp/printable.h"

namespace nacre::image {
namespace {

class LayoutDestination : public ImageDestination {
 public:
  LayoutDestination(OciLayout layout, LayoutName place, bool is_new)
      : layout_(std::move(layout)), place_(std::move(place)), is_new_(is_new) {}

  absl::StatusOr<Descriptor> AddBlob(Producer produce) override { return layout_.AddBlob(produce); }
  // Copied again: a file that is there may be damaged.
  bool Has(const Descriptor&, const std::string&) override { return false; }
  absl::Status Finish(const std::string& manifest, std::string_view media_type) override {
    ASSIGN_OR_RETURN(Descriptor added,
                     layout_.AddBlob([&](OnBytes write) { return write(AsBytes(manifest)); }));
    added.media_type = media_type;
    return layout_.WriteIndex(added, place_.tag);
  }
  absl::Status Discard() override { return is_new_ ? RemoveTree(place_.folder) : absl::OkStatus(); }

 private:
  OciLayout layout_;
  const LayoutName place_;
  const bool is_new_;
};

class RegistryDestination : public ImageDestination {
 public:
  explicit RegistryDestination(RegistryImage image) : image_(std::move(image)) {}

  absl::StatusOr<Descriptor> AddBlob(Producer produce) override {
    return image_.client->AddBlob(image_.reference, produce);
  }
  bool Has(const Descriptor& blob, const std::string& repository) override {
    return image_.client->HasBlob(image_.reference, blob.digest, repository);
  }
  absl::Status Finish(const std::string& manifest, std::string_view media_type) override {
    return image_.client->PutManifest(image_.reference, manifest, media_type, image_.reference.tag);
  }
  // Blobs that no manifest names are the registry's to collect.
  absl::Status Discard() override { return absl::OkStatus(); }

 private:
  const RegistryImage image_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ImageDestination>> OpenImageDestination(
    std::string_view name, const SourceOptions& options) {
  if (NamesRegistryImage(name)) {
    ASSIGN_OR_RETURN(RegistryImage image, OpenRegistryImage(name, options));
    if (!image.reference.digest.empty()) {
      return absl::InvalidArgumentError(
          StrCat("'", Printable(name), "': a new image has a digest of its own, so give it a tag"));
    }
    return std::make_unique<RegistryDestination>(std::move(image));
  }
  ASSIGN_OR_RETURN(LayoutName place, ParseLayoutName(name));
  if (place.tag.empty()) return absl::InvalidArgumentError("give a tag, oci:FOLDER:TAG");
  const bool is_new = !OciLayout::IsLayout(place.folder);
  ASSIGN_OR_RETURN(OciLayout layout, is_new ? OciLayout::Create(place.folder, options.limits)
                                            : OciLayout::Open(place.folder, options.limits));
  return std::make_unique<LayoutDestination>(std::move(layout), std::move(place), is_new);
}

}  // namespace nacre::image
