#include "image-rs-cpp/encrypt/rewrite_image.h"

#include "base/json.h"
#include "base/strings.h"

namespace nacre::image {
namespace {

constexpr std::string_view kOciConfig = "application/vnd.oci.image.config.v1+json";

Json ToJson(const Descriptor& descriptor) {
  Json json = {{"mediaType", descriptor.media_type},
               {"digest", descriptor.digest.text()},
               {"size", descriptor.size}};
  if (!descriptor.annotations.empty()) json["annotations"] = descriptor.annotations;
  return json;
}

absl::StatusOr<std::string> RewriteInto(const RewriteRequest& request,
                                        ImageDestination* destination, LayersSeen seen,
                                        LayerChange change) {
  ASSIGN_OR_RETURN(ImageSource::Document document,
                   ReadManifest(request.source, request.platform, request.limits));
  ASSIGN_OR_RETURN(Manifest manifest, ParseManifest(document.text, request.limits));
  RETURN_IF_ERROR(seen(manifest.layers));
  Json layers = Json::array();
  for (size_t i = 0; i < manifest.layers.size(); ++i) {
    const Descriptor& layer = manifest.layers[i];
    ASSIGN_OR_RETURN(Descriptor changed, change(i, layer, destination),
                     StrCat("layer ", i, " (", layer.digest.text(), ")"));
    layers.push_back(ToJson(changed));
  }
  ASSIGN_OR_RETURN(Descriptor config, CopyBlob(request.source, manifest.config, destination));
  config.media_type = kOciConfig;
  ASSIGN_OR_RETURN(Json text, ParseJson(document.text));
  text["mediaType"] = kOciManifest;
  text["layers"] = std::move(layers);
  text["config"] = ToJson(config);
  ASSIGN_OR_RETURN(std::string new_text, DumpJson(text));
  RETURN_IF_ERROR(destination->Finish(new_text, kOciManifest));
  return BlobDigest::OfSha256(AsBytes(new_text)).text();
}

}  // namespace

std::string OciLayerMediaType(std::string_view media_type) {
  struct Names {
    std::string_view docker;
    std::string_view oci;
  };
  constexpr Names kNames[] = {
      {"application/vnd.docker.image.rootfs.diff.tar", "application/vnd.oci.image.layer.v1.tar"},
      {"application/vnd.docker.image.rootfs.foreign.diff.tar",
       "application/vnd.oci.image.layer.nondistributable.v1.tar"}};
  for (const Names& names : kNames) {
    if (!media_type.starts_with(names.docker)) continue;
    std::string rest(media_type.substr(names.docker.size()));
    if (rest.starts_with('.')) rest[0] = '+';  // ".gzip"
    return StrCat(names.oci, rest);
  }
  return std::string(media_type);
}

absl::StatusOr<Descriptor> CopyBlob(ImageSource* source, const Descriptor& blob,
                                    ImageDestination* destination) {
  if (destination->Has(blob, source->repository())) return blob;
  ASSIGN_OR_RETURN(Descriptor copy, destination->AddBlob([&](ImageDestination::OnBytes write) {
    return source->StreamBlob(blob, write);
  }));
  copy.media_type = blob.media_type;
  copy.annotations = blob.annotations;
  return copy;
}

absl::StatusOr<std::string> RewriteImage(const RewriteRequest& request, LayersSeen seen,
                                         LayerChange change) {
  ASSIGN_OR_RETURN(auto destination,
                   OpenImageDestination(request.destination, {request.registry, request.limits}),
                   "destination");
  absl::StatusOr<std::string> digest = RewriteInto(request, destination.get(), seen, change);
  if (!digest.ok()) RETURN_IF_ERROR(destination->Discard(), Message(digest.status()));
  return digest;
}

}  // namespace nacre::image
