#include "image-rs-cpp/encrypt/image_source.h"

#include "base/strings.h"
#include "image-rs-cpp/encrypt/oci_layout.h"
#include "image-rs-cpp/encrypt/registry_image.h"
#include "image-rs-cpp/printable.h"

namespace nacre::image {
namespace {

constexpr std::string_view kLayout = "oci:";
constexpr int kMaxResumes = 5;

bool BrokeOff(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDataLoss(status) ||
         absl::IsDeadlineExceeded(status);
}

class LayoutSource : public ImageSource {
 public:
  LayoutSource(OciLayout layout, Descriptor named, uint64_t max_manifest_size)
      : layout_(std::move(layout)), named_(std::move(named)), max_size_(max_manifest_size) {}

  absl::StatusOr<Document> Named() override { return ByDigest(named_); }
  absl::StatusOr<Document> ByDigest(const Descriptor& manifest) override {
    ASSIGN_OR_RETURN(std::string text, layout_.ReadBlob(manifest, max_size_));
    return Document{std::move(text), manifest.media_type};
  }
  absl::Status StreamBlob(const Descriptor& blob, OnBytes on_bytes) override {
    return layout_.StreamBlob(blob, on_bytes);
  }

 private:
  const OciLayout layout_;
  const Descriptor named_;
  const uint64_t max_size_;
};

class RegistrySource : public ImageSource {
 public:
  explicit RegistrySource(RegistryImage image) : image_(std::move(image)) {}

  std::string repository() const override {
    return StrCat(image_.reference.registry, "/", image_.reference.repository);
  }
  absl::StatusOr<Document> Named() override { return Get(image_.reference.Target()); }
  absl::StatusOr<Document> ByDigest(const Descriptor& manifest) override {
    return Get(manifest.digest.text());
  }
  absl::Status StreamBlob(const Descriptor& blob, OnBytes on_bytes) override {
    DigestChecker checker(blob.digest);
    uint64_t size = 0;
    const RegistryClient::OnBytes take = [&](ByteView piece) -> absl::Status {
      size += piece.size();
      if (size > blob.size) return absl::InvalidArgumentError(blob.digest.text() + ": too long");
      checker.Update(piece);
      return on_bytes(piece);
    };
    absl::Status read = image_.client->Read(image_.reference, blob, 0, take);
    for (int again = 0; again < kMaxResumes && BrokeOff(read) && size < blob.size; ++again) {
      read = image_.client->Read(image_.reference, blob, size, take);
    }
    RETURN_IF_ERROR(read);
    if (size != blob.size) {
      return absl::DataLossError(
          StrCat(blob.digest.text(), ": ", size, " bytes, the manifest names ", blob.size));
    }
    return checker.Finish(blob.digest.text());
  }

 private:
  absl::StatusOr<Document> Get(const std::string& target) {
    ASSIGN_OR_RETURN(RegistryDocument document,
                     image_.client->GetManifest(image_.reference, target));
    return Document{std::move(document.text), std::move(document.content_type)};
  }

  const RegistryImage image_;
};

}  // namespace

absl::StatusOr<LayoutName> ParseLayoutName(std::string_view name) {
  if (name.starts_with(kLayout)) {
    const std::string_view rest = name.substr(kLayout.size());
    const size_t colon = rest.find(':');
    LayoutName out{std::string(rest.substr(0, colon)), ""};
    if (colon != std::string_view::npos) out.tag = rest.substr(colon + 1);
    const bool half = colon != std::string_view::npos && out.tag.empty();
    if (!out.folder.empty() && !half && out.tag.size() <= 255) return out;
  }
  return absl::InvalidArgumentError(
      StrCat("'", Printable(name), "' is not oci:FOLDER:TAG, the name of an OCI image layout"));
}

absl::StatusOr<std::unique_ptr<ImageSource>> OpenImageSource(std::string_view name,
                                                             const SourceOptions& options) {
  if (NamesRegistryImage(name)) {
    ASSIGN_OR_RETURN(RegistryImage image, OpenRegistryImage(name, options));
    return std::make_unique<RegistrySource>(std::move(image));
  }
  ASSIGN_OR_RETURN(LayoutName place, ParseLayoutName(name));
  ASSIGN_OR_RETURN(OciLayout layout, OciLayout::Open(place.folder, options.limits));
  ASSIGN_OR_RETURN(Descriptor named,
                   place.tag.empty() ? layout.OnlyImage() : layout.FindTag(place.tag));
  return std::make_unique<LayoutSource>(std::move(layout), std::move(named),
                                        options.limits.max_manifest_size);
}

absl::StatusOr<ImageSource::Document> ReadManifest(ImageSource* source, const Platform& platform,
                                                   const Limits& limits) {
  ASSIGN_OR_RETURN(ImageSource::Document document, source->Named());
  ASSIGN_OR_RETURN(DocumentKind kind, ClassifyDocument(document.text, document.media_type, limits));
  if (kind == DocumentKind::kManifest) return document;
  ASSIGN_OR_RETURN(Index index, ParseIndex(document.text, limits));
  ASSIGN_OR_RETURN(Descriptor chosen, SelectPlatform(index, platform));
  ASSIGN_OR_RETURN(document, source->ByDigest(chosen));
  ASSIGN_OR_RETURN(kind, ClassifyDocument(document.text, document.media_type, limits));
  if (kind != DocumentKind::kManifest) {
    return absl::InvalidArgumentError("index: an entry leads to another index");
  }
  return document;
}

}  // namespace nacre::image
