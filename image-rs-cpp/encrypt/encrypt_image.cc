#include "image-rs-cpp/encrypt/encrypt_image.h"

#include "base/encoding.h"
#include "base/file.h"
#include "base/json.h"
#include "base/strings.h"
#include "crypto/random.h"
#include "image-rs-cpp/decrypt/annotation_packet.h"
#include "image-rs-cpp/decrypt/layer_cipher.h"
#include "image-rs-cpp/decrypt/layer_options.h"
#include "image-rs-cpp/encrypt/oci_layout.h"

namespace nacre::image {
namespace {

// OCI's names for Docker's layers; OCI's own stay.
std::string EncryptedMediaType(const LayerType& type) {
  const char* compression = type.compression == Compression::kGzip   ? "+gzip"
                            : type.compression == Compression::kZstd ? "+zstd"
                                                                     : "";
  return StrCat("application/vnd.oci.image.layer.v1.tar", compression, "+encrypted");
}

absl::StatusOr<Descriptor> EncryptLayer(const EncryptRequest& request, const OciLayout& source,
                                        const Descriptor& layer, OciLayout* output) {
  ASSIGN_OR_RETURN(LayerType type, ParseLayerMediaType(layer.media_type));
  if (type.encrypted) {
    return absl::UnimplementedError(StrCat("layer ", layer.digest.text(), " is encrypted already"));
  }
  LayerKey key;
  key.symmetric_key = crypto::RandomSecret(32);
  key.nonce = crypto::RandomBytes(16);
  key.plain_digest = layer.digest.text();
  ASSIGN_OR_RETURN(LayerEncryptor encryptor, LayerEncryptor::Create(key));
  ASSIGN_OR_RETURN(Descriptor encrypted, output->AddBlob([&](OciLayout::OnBytes write) {
    return source.StreamBlob(layer, [&](ByteView piece) { return encryptor.Write(piece, write); });
  }));
  ASSIGN_OR_RETURN(SecretBytes options, FormatPrivateOptions(key));
  ASSIGN_OR_RETURN(AnnotationPacket packet,
                   WrapOptions(request.key_id, request.key.view(), options.view()));
  ASSIGN_OR_RETURN(std::string packet_text, FormatAnnotationPacket(packet));
  ASSIGN_OR_RETURN(std::string public_options, FormatPublicOptions(encryptor.Finish()));
  encrypted.media_type = EncryptedMediaType(type);
  encrypted.annotations = layer.annotations;
  encrypted.annotations[std::string(kProviderAnnotation)] = Base64Encode(AsBytes(packet_text));
  encrypted.annotations[std::string(kPublicOptionsAnnotation)] =
      Base64Encode(AsBytes(public_options));
  return encrypted;
}

Json ToJson(const Descriptor& descriptor) {
  Json json = {{"mediaType", descriptor.media_type},
               {"digest", descriptor.digest.text()},
               {"size", descriptor.size}};
  if (!descriptor.annotations.empty()) json["annotations"] = descriptor.annotations;
  return json;
}

absl::StatusOr<EncryptedImage> EncryptInto(const EncryptRequest& request, const OciLayout& source,
                                           OciLayout* output) {
  ASSIGN_OR_RETURN(Descriptor tagged, source.FindTag(request.tag));
  if (tagged.media_type != kOciManifest) {
    return absl::UnimplementedError(StrCat("tag '", request.tag, "' is a '", tagged.media_type,
                                           "'; only a single image can be encrypted"));
  }
  ASSIGN_OR_RETURN(std::string text, source.ReadBlob(tagged, request.limits.max_manifest_size));
  ASSIGN_OR_RETURN(Manifest manifest, ParseManifest(text, request.limits));
  Json layers = Json::array();
  for (const Descriptor& layer : manifest.layers) {
    ASSIGN_OR_RETURN(Descriptor encrypted, EncryptLayer(request, source, layer, output));
    layers.push_back(ToJson(encrypted));
  }
  ASSIGN_OR_RETURN(Descriptor config, output->AddBlob([&](OciLayout::OnBytes write) {
    return source.StreamBlob(manifest.config, write);
  }));
  config.media_type = "application/vnd.oci.image.config.v1+json";
  // Everything else in the manifest (annotations of the image) stays as it is.
  ASSIGN_OR_RETURN(Json document, ParseJson(text));
  document["layers"] = std::move(layers);
  document["config"] = ToJson(config);
  ASSIGN_OR_RETURN(std::string new_text, DumpJson(document));
  ASSIGN_OR_RETURN(Descriptor added, output->AddBlob([&](OciLayout::OnBytes write) {
    return write(AsBytes(new_text));
  }));
  added.media_type = kOciManifest;
  RETURN_IF_ERROR(output->WriteIndex(added, request.tag));
  return EncryptedImage{added.digest.text(), manifest.layers.size()};
}

}  // namespace

absl::StatusOr<EncryptedImage> EncryptImage(const EncryptRequest& request) {
  RETURN_IF_ERROR(CheckKeyUri(request.key_id));
  ASSIGN_OR_RETURN(OciLayout source, OciLayout::Open(request.layout, request.limits));
  ASSIGN_OR_RETURN(OciLayout output, OciLayout::Create(request.output, request.limits));
  absl::StatusOr<EncryptedImage> image = EncryptInto(request, source, &output);
  if (!image.ok()) RETURN_IF_ERROR(RemoveTree(request.output), Message(image.status()));
  return image;
}

}  // namespace nacre::image
