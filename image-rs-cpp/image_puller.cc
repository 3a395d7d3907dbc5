#include "image-rs-cpp/image_puller.h"

#include <malloc.h>

#include <algorithm>

#include "base/strings.h"
#include "image-rs-cpp/decrypt/layer_keys.h"
#include "image-rs-cpp/layer_fetcher.h"

namespace nacre::image {
namespace {

// The registry as a source; what is before the offset is read and passed over.
class RegistrySource : public BlobSource {
 public:
  explicit RegistrySource(RegistryClient* registry) : registry_(registry) {}
  std::string_view name() const override { return "registry"; }
  absl::Status Read(const ImageReference& image, const Descriptor& blob, uint64_t offset,
                    const OnBytes& on_bytes) override {
    return registry_->GetBlob(image, blob, [&](ByteView data) {
      const size_t skip = std::min<uint64_t>(offset, data.size());
      offset -= skip;
      return skip == data.size() ? absl::OkStatus() : on_bytes(data.subspan(skip));
    });
  }

 private:
  RegistryClient* registry_;
};

absl::Status CheckExpectedDigest(const std::string& expected, const std::string& actual) {
  if (expected.empty() || expected == actual) return absl::OkStatus();
  return absl::DataLossError(StrCat("digest is ", actual, ", expected ", expected));
}

absl::Status CheckPlatform(const ImageConfig& config, const Platform& wanted) {
  if (config.os == wanted.os && config.architecture == wanted.architecture) return absl::OkStatus();
  return absl::InvalidArgumentError(StrCat("is for ", config.os, "/", config.architecture,
                                           ", expected ", wanted.os, "/", wanted.architecture));
}

absl::Status CheckEncrypted(const std::vector<Descriptor>& layers) {
  for (const Descriptor& layer : layers) {
    ASSIGN_OR_RETURN(LayerType type, ParseLayerMediaType(layer.media_type));
    if (type.encrypted) continue;
    return absl::PermissionDeniedError(StrCat(
        "layer ", layer.digest.text(), " is not encrypted, and only encrypted layers are allowed"));
  }
  return absl::OkStatus();
}

}  // namespace

struct ImagePuller::Resolved {
  std::string reference_digest;
  std::string manifest_digest;
  Manifest manifest;
};

absl::StatusOr<std::unique_ptr<ImagePuller>> ImagePuller::Create(ImagePullerOptions options) {
  std::unique_ptr<ImagePuller> puller(new ImagePuller(std::move(options)));
  ASSIGN_OR_RETURN(puller->registry_,
                   RegistryClient::Create(puller->options_.registry, puller->options_.limits));
  ASSIGN_OR_RETURN(puller->store_, LayerStore::Create(puller->options_.work_dir));
  return puller;
}

absl::StatusOr<PulledImage> ImagePuller::Pull(std::string_view reference,
                                              const PullExpectations& expectations) {
  ASSIGN_OR_RETURN(ImageReference parsed, ParseImageReference(reference));
  absl::StatusOr<PulledImage> image = PullReference(parsed, expectations);
  malloc_trim(0);  // the buffers of a pull are not needed again soon
  if (!image.ok()) return Annotate(image.status(), StrCat("image ", parsed.ToString()));
  return image;
}

absl::StatusOr<ImagePuller::Resolved> ImagePuller::Resolve(const ImageReference& reference,
                                                           const PullExpectations& expectations) {
  ASSIGN_OR_RETURN(RegistryDocument document,
                   registry_->GetManifest(reference, reference.Target()));
  RETURN_IF_ERROR(CheckExpectedDigest(expectations.digest, document.digest.text()));
  const std::string reference_digest = document.digest.text();
  ASSIGN_OR_RETURN(DocumentKind kind,
                   ClassifyDocument(document.text, document.content_type, options_.limits));
  if (kind == DocumentKind::kIndex) {
    ASSIGN_OR_RETURN(Index index, ParseIndex(document.text, options_.limits));
    ASSIGN_OR_RETURN(Descriptor chosen, SelectPlatform(index, options_.platform));
    ASSIGN_OR_RETURN(document, registry_->GetManifest(reference, chosen.digest.text()));
    ASSIGN_OR_RETURN(kind, ClassifyDocument(document.text, document.content_type, options_.limits));
    if (kind != DocumentKind::kManifest) {
      return absl::InvalidArgumentError("index: an entry leads to another index");
    }
  }
  ASSIGN_OR_RETURN(Manifest manifest, ParseManifest(document.text, options_.limits));
  return Resolved{reference_digest, document.digest.text(), std::move(manifest)};
}

// Asked of every pull, also when all layers are in the store already.
absl::Status ImagePuller::CheckTrust(const ImageReference& reference, const Resolved& resolved) {
  if (options_.trust == nullptr) {
    return absl::PermissionDeniedError("no image policy is configured, so no image is accepted");
  }
  ImageInQuestion image{reference, {resolved.reference_digest}};
  if (resolved.manifest_digest != resolved.reference_digest) {
    image.digests.push_back(resolved.manifest_digest);
  }
  return options_.trust->Check(image, options_.limits, registry_.get());
}

absl::StatusOr<ImageConfig> ImagePuller::GetConfig(const ImageReference& reference,
                                                   const Manifest& manifest) {
  ASSIGN_OR_RETURN(std::string text, registry_->GetBlobText(reference, manifest.config));
  ASSIGN_OR_RETURN(ImageConfig config, ParseImageConfig(text, options_.limits));
  RETURN_IF_ERROR(CheckPlatform(config, options_.platform), "image config");
  if (config.diff_ids.size() != manifest.layers.size()) {
    return absl::InvalidArgumentError(StrCat("the manifest names ", manifest.layers.size(),
                                             " layers, the image config ", config.diff_ids.size()));
  }
  return config;
}

absl::StatusOr<PulledImage> ImagePuller::PullReference(const ImageReference& reference,
                                                       const PullExpectations& expectations) {
  ASSIGN_OR_RETURN(Resolved resolved, Resolve(reference, expectations));
  RETURN_IF_ERROR(CheckTrust(reference, resolved));
  if (expectations.all_layers_encrypted) {
    RETURN_IF_ERROR(CheckEncrypted(resolved.manifest.layers));
  }
  PulledImage image;
  image.reference = reference.ToString();
  image.reference_digest = resolved.reference_digest;
  image.manifest_digest = resolved.manifest_digest;
  ASSIGN_OR_RETURN(image.config, GetConfig(reference, resolved.manifest));
  // All keys at once and before any layer: a guest that gets no key fetches nothing.
  ASSIGN_OR_RETURN(std::vector<std::optional<LayerKey>> keys,
                   UnwrapLayerKeys(resolved.manifest.layers,
                                   {options_.key_resolver, options_.private_key_uris}));
  const LayerPlan plan{&reference, &resolved.manifest.layers, &image.config.diff_ids, &keys};
  RegistrySource registry(registry_.get());
  std::vector<BlobSource*> sources = options_.blob_sources;
  sources.push_back(&registry);
  ASSIGN_OR_RETURN(image.layers, FetchLayers(plan, options_.limits, sources, store_.get()));
  ASSIGN_OR_RETURN(image.composed, ComposeLayers(image.layers, store_->UniquePath("attributes")));
  return image;
}

absl::Status MountRootfs(const PulledImage& image, const RootfsPlace& place) {
  return MountLayers(image.composed, place);
}

}  // namespace nacre::image
