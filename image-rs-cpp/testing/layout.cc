#include "image-rs-cpp/testing/layout.h"

#include <optional>

#include "image-rs-cpp/encrypt/oci_layout.h"

namespace nacre::image::testing {

absl::Status WriteLayout(const TestImage& image, const std::string& path, const std::string& tag) {
  ASSIGN_OR_RETURN(OciLayout layout, OciLayout::Create(path, {}));
  std::optional<Descriptor> manifest;
  for (const auto& [digest, content] : image.blobs) {
    ASSIGN_OR_RETURN(Descriptor added, layout.AddBlob([&text = content](OciLayout::OnBytes write) {
      return write(AsBytes(text));
    }));
    if (digest == image.manifest_digest) manifest.emplace(std::move(added));
  }
  manifest->media_type = image.manifest_type;
  return layout.WriteIndex(*manifest, tag);
}

absl::StatusOr<Manifest> ReadLayout(const std::string& path, const std::string& tag) {
  ASSIGN_OR_RETURN(const OciLayout layout, OciLayout::Open(path, {}));
  ASSIGN_OR_RETURN(const Descriptor tagged, layout.FindTag(tag));
  ASSIGN_OR_RETURN(const std::string text, layout.ReadBlob(tagged, 1 << 20));
  return ParseManifest(text, {});
}

absl::StatusOr<std::vector<std::string>> ReadLayers(const std::string& path,
                                                    const std::string& tag) {
  ASSIGN_OR_RETURN(const OciLayout layout, OciLayout::Open(path, {}));
  ASSIGN_OR_RETURN(const Manifest manifest, ReadLayout(path, tag));
  std::vector<std::string> out;
  for (const Descriptor& layer : manifest.layers) {
    ASSIGN_OR_RETURN(std::string blob, layout.ReadBlob(layer, 64 << 20));
    out.push_back(std::move(blob));
  }
  return out;
}

}  // namespace nacre::image::testing
