#include "image-rs-cpp/encrypt/encrypt_image.h"

#include <algorithm>
#include <optional>
#include <set>

#include "base/encoding.h"
#include "base/strings.h"
#include "crypto/random.h"
#include "image-rs-cpp/decrypt/layer_cipher.h"
#include "image-rs-cpp/decrypt/layer_options.h"

namespace nacre::image {
namespace {

constexpr std::string_view kEncrypted = "+encrypted";

absl::StatusOr<std::set<size_t>> Select(const std::vector<int>& numbers, size_t count) {
  std::set<size_t> out;
  for (int number : numbers) {
    const int64_t index = number < 0 ? static_cast<int64_t>(count) + number : number;
    if (index < 0 || index >= static_cast<int64_t>(count)) {
      return absl::InvalidArgumentError(
          StrCat("there is no layer ", number, ": the image has ", count));
    }
    out.insert(static_cast<size_t>(index));
  }
  for (size_t i = 0; numbers.empty() && i < count; ++i) out.insert(i);
  return out;
}

class Encryption {
 public:
  explicit Encryption(const EncryptRequest& request) : request_(request) {}

  absl::Status See(const std::vector<Descriptor>& layers) {
    ASSIGN_OR_RETURN(selected_, Select(request_.layers, layers.size()));
    std::vector<Descriptor> locked;
    for (size_t i : selected_) {
      ASSIGN_OR_RETURN(LayerType type, ParseLayerMediaType(layers[i].media_type));
      if (!type.encrypted) continue;
      if (request_.known_keys.resolver == nullptr && request_.known_keys.private_keys.empty()) {
        return absl::FailedPreconditionError(
            StrCat("layer ", i,
                   " is encrypted already: give its --decryption-key to add "
                   "recipients"));
      }
      locked.push_back(layers[i]);
    }
    ASSIGN_OR_RETURN(known_, UnwrapLayerKeys(locked, request_.known_keys));
    return absl::OkStatus();
  }

  absl::StatusOr<Descriptor> Change(size_t number, const Descriptor& layer, ImageDestination* to) {
    if (selected_.contains(number)) {
      ASSIGN_OR_RETURN(LayerType type, ParseLayerMediaType(layer.media_type));
      return type.encrypted ? AddRecipients(layer, to) : Encrypt(layer, to);
    }
    ASSIGN_OR_RETURN(Descriptor copy, CopyBlob(request_.image.source, layer, to));
    copy.media_type = OciLayerMediaType(layer.media_type);
    return copy;
  }

  const EncryptedImage& result() const { return result_; }

 private:
  absl::StatusOr<Descriptor> Encrypt(const Descriptor& layer, ImageDestination* to) {
    LayerKey key;
    key.plain_digest = layer.digest.text();
    std::optional<LayerEncryptor> encryptor;
    // Each time with a key of its own: whoever sees two attempts learns nothing from them.
    const auto encrypt = [&](ImageDestination::OnBytes write) -> absl::Status {
      key.symmetric_key = crypto::RandomSecret(32);
      key.nonce = crypto::RandomBytes(16);
      ASSIGN_OR_RETURN(LayerEncryptor fresh, LayerEncryptor::Create(key));
      encryptor.emplace(std::move(fresh));
      return request_.image.source->StreamBlob(
          layer, [&](ByteView piece) { return encryptor->Write(piece, write); });
    };
    ASSIGN_OR_RETURN(Descriptor out, to->AddBlob(encrypt));
    ASSIGN_OR_RETURN(std::string options, FormatPublicOptions(encryptor->Finish()));
    out.media_type = StrCat(OciLayerMediaType(layer.media_type), kEncrypted);
    out.annotations = layer.annotations;
    out.annotations[std::string(kPublicOptionsAnnotation)] = Base64Encode(AsBytes(options));
    RETURN_IF_ERROR(request_.recipients.Wrap(key, &out.annotations));
    ++result_.layers;
    return out;
  }

  absl::StatusOr<Descriptor> AddRecipients(const Descriptor& layer, ImageDestination* to) {
    ASSIGN_OR_RETURN(Descriptor out, CopyBlob(request_.image.source, layer, to));
    out.media_type = OciLayerMediaType(layer.media_type);
    RETURN_IF_ERROR(request_.recipients.Wrap(*known_[result_.recipients++], &out.annotations));
    return out;
  }

  const EncryptRequest& request_;
  std::set<size_t> selected_;
  std::vector<std::optional<LayerKey>> known_;  // of the selected ones encrypted before, in order
  EncryptedImage result_;
};

}  // namespace

absl::StatusOr<EncryptedImage> EncryptImage(const EncryptRequest& request) {
  if (request.recipients.empty()) return absl::InvalidArgumentError("no recipients");
  Encryption encryption(request);
  ASSIGN_OR_RETURN(
      std::string digest,
      RewriteImage(
          request.image,
          [&](const std::vector<Descriptor>& layers) { return encryption.See(layers); },
          [&](size_t number, const Descriptor& layer, ImageDestination* to) {
            return encryption.Change(number, layer, to);
          }));
  EncryptedImage result = encryption.result();
  result.manifest_digest = std::move(digest);
  return result;
}

}  // namespace nacre::image
