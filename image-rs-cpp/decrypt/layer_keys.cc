#include "image-rs-cpp/decrypt/layer_keys.h"

#include <map>

#include "base/strings.h"
#include "crypto/jwe.h"
#include "crypto/key.h"
#include "image-rs-cpp/decrypt/annotation_packet.h"
#include "image-rs-cpp/decrypt/layer_options.h"
#include "image-rs-cpp/printable.h"

namespace nacre::image {
namespace {

constexpr size_t kMaxKeysPerImage = 32;

// Asks for each key once, and remembers refusals too: a broker that said no says no again, and
// asking it may cost a whole attestation.
class KeyCache {
 public:
  explicit KeyCache(KeyResolver* resolver) : resolver_(resolver) {}

  absl::StatusOr<const SecretBytes*> Get(const std::string& uri) {
    auto found = keys_.find(uri);
    if (found == keys_.end()) {
      if (keys_.size() == kMaxKeysPerImage) {
        return absl::ResourceExhaustedError(
            StrCat("the image needs more than ", kMaxKeysPerImage, " keys"));
      }
      RETURN_IF_ERROR(CheckKeyUri(uri));
      found = keys_.emplace(uri, resolver_->GetKey(uri)).first;
    }
    RETURN_IF_ERROR(found->second.status(), StrCat("key ", Printable(uri)));
    return &*found->second;
  }

 private:
  KeyResolver* resolver_;
  std::map<std::string, absl::StatusOr<SecretBytes>> keys_;
};

absl::StatusOr<SecretBytes> OpenPacket(const std::string& json, KeyCache* keys) {
  ASSIGN_OR_RETURN(AnnotationPacket packet, ParseAnnotationPacket(json));
  ASSIGN_OR_RETURN(const SecretBytes* kek, keys->Get(packet.key_id));
  return UnwrapOptions(packet, kek->view());
}

absl::StatusOr<SecretBytes> OpenJwe(const std::string& jwe, const std::vector<std::string>& uris,
                                    KeyCache* keys) {
  if (uris.empty()) {
    return absl::FailedPreconditionError(
        "the layer is encrypted for a public key and no private key is configured");
  }
  absl::Status last;
  for (const std::string& uri : uris) {
    ASSIGN_OR_RETURN(const SecretBytes* pem, keys->Get(uri));
    ASSIGN_OR_RETURN(crypto::PrivateKey key, crypto::PrivateKey::FromPem(pem->view()), uri);
    absl::StatusOr<SecretBytes> options = crypto::JweDecrypt(jwe, key, crypto::kImageJweAlgorithms);
    if (options.ok()) return options;
    last = Annotate(options.status(), uri);
  }
  return last;
}

// What a layer could be opened with, for an error that says more than "no".
std::string KnownSchemes(const Annotations& annotations) {
  std::vector<std::string> schemes;
  for (const auto& [name, unused] : annotations) {
    if (!name.starts_with(kKeysAnnotationPrefix)) continue;
    schemes.push_back(Printable(std::string_view(name).substr(kKeysAnnotationPrefix.size()), 40));
  }
  return schemes.empty() ? "none" : StrJoin(schemes, ", ");
}

// The first wrapped key that opens; else the error of the last one tried.
absl::StatusOr<SecretBytes> OpenOptions(const Descriptor& layer, const LayerKeyOptions& options,
                                        KeyCache* keys) {
  absl::Status last;
  ASSIGN_OR_RETURN(std::vector<std::string> packets,
                   ParseWrappedKeys(layer.annotations, kProviderAnnotation));
  for (const std::string& packet : packets) {
    absl::StatusOr<SecretBytes> opened = OpenPacket(packet, keys);
    if (opened.ok()) return opened;
    last = opened.status();
  }
  ASSIGN_OR_RETURN(std::vector<std::string> jwes,
                   ParseWrappedKeys(layer.annotations, kJweAnnotation));
  for (const std::string& jwe : jwes) {
    absl::StatusOr<SecretBytes> opened = OpenJwe(jwe, options.private_key_uris, keys);
    if (opened.ok()) return opened;
    last = opened.status();
  }
  if (!last.ok()) return last;
  return absl::UnimplementedError(
      StrCat("its key is wrapped for: ", KnownSchemes(layer.annotations),
             "; known are provider.attestation-agent and jwe"));
}

absl::StatusOr<LayerKey> UnwrapLayerKey(const Descriptor& layer, const LayerKeyOptions& options,
                                        KeyCache* keys) {
  ASSIGN_OR_RETURN(Bytes hmac, ParsePublicOptions(layer.annotations));
  if (options.resolver == nullptr) {
    return absl::FailedPreconditionError("is encrypted, and there is no key broker to ask");
  }
  ASSIGN_OR_RETURN(SecretBytes opened, OpenOptions(layer, options, keys));
  return ParsePrivateOptions(opened, std::move(hmac));
}

}  // namespace

absl::StatusOr<std::vector<std::optional<LayerKey>>> UnwrapLayerKeys(
    const std::vector<Descriptor>& layers, const LayerKeyOptions& options) {
  KeyCache keys(options.resolver);
  std::vector<std::optional<LayerKey>> out;
  for (const Descriptor& layer : layers) {
    ASSIGN_OR_RETURN(LayerType type, ParseLayerMediaType(layer.media_type));
    std::optional<LayerKey>& slot = out.emplace_back();
    if (!type.encrypted) continue;
    ASSIGN_OR_RETURN(slot, UnwrapLayerKey(layer, options, &keys),
                     StrCat("encrypted layer ", layer.digest.text()));
  }
  return out;
}

}  // namespace nacre::image
