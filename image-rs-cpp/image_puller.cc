#include "image-rs-cpp/image_puller.h"

#include <malloc.h>

#include "base/strings.h"
#include "image-rs-cpp/decrypt/layer_keys.h"
#include "image-rs-cpp/layer_fetcher.h"

namespace nacre::image {
namespace {

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

absl::StatusOr<std::unique_ptr<ImagePuller>> ImagePuller::Create(ImagePullerOptions options) {
  std::unique_ptr<ImagePuller> puller(new ImagePuller(std::move(options)));
  ASSIGN_OR_RETURN(puller->registry_,
                   RegistryClient::Create(puller->options_.registry, puller->options_.limits));
  ASSIGN_OR_RETURN(puller->store_,
                   LayerStore::Create(puller->options_.work_dir, puller->options_.store));
  return puller;
}

absl::StatusOr<PulledImage> ImagePuller::Pull(std::string_view reference,
                                              const PullExpectations& expectations) {
  ASSIGN_OR_RETURN(const std::vector<ImageReference> meanings,
                   options_.registry.registries.Resolve(reference));
  absl::StatusOr<PulledImage> image = absl::NotFoundError("no registry to search");
  for (const ImageReference& meant : meanings) {
    image = PullReference(meant, expectations);
    if (!image.ok()) image = Annotate(image.status(), StrCat("image ", meant.ToString()));
    // A short name means the first registry that has it, and its policy then decides.
    if (!absl::IsNotFound(image.status())) break;
  }
  malloc_trim(0);  // the buffers of a pull are not needed again soon
  return image;
}

// Asked of every pull, also when all layers are in the store already.
absl::Status ImagePuller::CheckTrust(const ImageReference& reference,
                                     const ResolvedImage& resolved) {
  if (options_.trust == nullptr) {
    return absl::PermissionDeniedError("no image policy is configured, so no image is accepted");
  }
  ImageInQuestion image{reference, {resolved.reference_digest}};
  if (resolved.manifest_digest != resolved.reference_digest) {
    image.digests.push_back(resolved.manifest_digest);
  }
  return options_.trust->Check(image, options_.limits, registry_.get());
}

absl::StatusOr<std::string> ImagePuller::GetConfigText(const ImageReference& reference,
                                                       const Descriptor& blob) {
  const bool small = blob.size <= options_.limits.max_config_size;
  for (BlobSource* source : options_.blob_sources) {
    std::string text;
    const absl::Status read = source->Read(reference, blob, 0, [&](ByteView bytes) {
      if (!small || bytes.size() > blob.size - text.size()) {
        return absl::ResourceExhaustedError("image config: too long");
      }
      text += AsText(bytes);
      return absl::OkStatus();
    });
    if (read.ok() && text.size() == blob.size && blob.digest.Check(AsBytes(text), "").ok()) {
      return text;
    }
  }
  return registry_->GetBlobText(reference, blob);
}

absl::StatusOr<ImageConfig> ImagePuller::GetConfig(const ImageReference& reference,
                                                   const Manifest& manifest) {
  ASSIGN_OR_RETURN(std::string text, GetConfigText(reference, manifest.config));
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
  ASSIGN_OR_RETURN(const ResolvedImage resolved,
                   ResolveImage(reference, {expectations.digest, options_.platform},
                                options_.limits, registry_.get()));
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
  std::vector<BlobSource*> sources = options_.blob_sources;
  sources.push_back(registry_.get());
  ASSIGN_OR_RETURN(image.layers, FetchLayers(plan, options_.limits, sources, store_.get()));
  image.attributes = store_->MakeScratch();
  ASSIGN_OR_RETURN(image.composed, ComposeLayers(image.layers, image.attributes->path()));
  return image;
}

absl::Status MountRootfs(const PulledImage& image, const RootfsPlace& place) {
  return MountLayers(image.composed, place);
}

}  // namespace nacre::image
