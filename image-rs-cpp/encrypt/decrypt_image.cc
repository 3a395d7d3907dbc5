#include "image-rs-cpp/encrypt/decrypt_image.h"

#include <optional>
#include <vector>

#include "base/strings.h"
#include "image-rs-cpp/decrypt/layer_cipher.h"
#include "image-rs-cpp/decrypt/layer_options.h"
#include "image-rs-cpp/printable.h"

namespace nacre::image {
namespace {

constexpr std::string_view kEncrypted = "+encrypted";
constexpr std::string_view kEncryptionAnnotations = "org.opencontainers.image.enc.";

absl::StatusOr<Descriptor> DecryptBlob(ImageSource* source, const Descriptor& layer,
                                       const LayerKey& key, ImageDestination* to) {
  Bytes plain;
  const auto decrypt = [&](ImageDestination::OnBytes write) -> absl::Status {
    ASSIGN_OR_RETURN(LayerDecryptor decryptor, LayerDecryptor::Create(key));
    const absl::Status read = source->StreamBlob(layer, [&](ByteView piece) -> absl::Status {
      plain.resize(piece.size());
      RETURN_IF_ERROR(decryptor.Write(piece, plain));
      return write(plain);
    });
    return read.ok() ? decryptor.Finish() : read;
  };
  ASSIGN_OR_RETURN(Descriptor out, to->AddBlob(decrypt));
  if (!key.plain_digest.empty() && key.plain_digest != out.digest.text()) {
    return absl::DataLossError(StrCat("it opens to ", out.digest.text(), ", but was ",
                                      Printable(key.plain_digest), " when it was encrypted"));
  }
  return out;
}

absl::StatusOr<Descriptor> DecryptLayer(ImageSource* source, const Descriptor& layer,
                                        const LayerKey& key, ImageDestination* to) {
  ASSIGN_OR_RETURN(Descriptor out, DecryptBlob(source, layer, key, to));
  out.media_type = OciLayerMediaType(layer.media_type);
  out.media_type.resize(out.media_type.size() - kEncrypted.size());
  for (const auto& [name, value] : layer.annotations) {
    if (!name.starts_with(kEncryptionAnnotations)) out.annotations.emplace(name, value);
  }
  return out;
}

}  // namespace

absl::StatusOr<DecryptedImage> DecryptImage(const RewriteRequest& image,
                                            const LayerKeyOptions& options) {
  DecryptedImage result;
  std::vector<std::optional<LayerKey>> keys;
  ASSIGN_OR_RETURN(result.manifest_digest,
                   RewriteImage(
                       image,
                       [&](const std::vector<Descriptor>& layers) -> absl::Status {
                         ASSIGN_OR_RETURN(keys, UnwrapLayerKeys(layers, options));
                         return absl::OkStatus();
                       },
                       [&](size_t number, const Descriptor& layer,
                           ImageDestination* to) -> absl::StatusOr<Descriptor> {
                         if (!keys[number].has_value()) {
                           ASSIGN_OR_RETURN(Descriptor copy, CopyBlob(image.source, layer, to));
                           copy.media_type = OciLayerMediaType(layer.media_type);
                           return copy;
                         }
                         ++result.layers;
                         return DecryptLayer(image.source, layer, *keys[number], to);
                       }));
  return result;
}

}  // namespace nacre::image
