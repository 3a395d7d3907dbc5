#include "image-rs-cpp/decrypt/layer_keys.h"

#include <algorithm>
#include <map>

#include "base/strings.h"
#include "crypto/jwe.h"
#include "crypto/pkcs7.h"
#include "image-rs-cpp/decrypt/key_cache.h"
#include "image-rs-cpp/decrypt/layer_options.h"
#include "image-rs-cpp/decrypt/wrapped_keys.h"
#include "image-rs-cpp/printable.h"

namespace nacre::image {
namespace {

constexpr size_t kMaxNamedFailures = 8;

// The code of several failures is the one of most use to the caller: first those that may go away,
// then what the owner can change, then what nobody can.
absl::StatusCode Most(const std::vector<absl::Status>& failures) {
  using enum absl::StatusCode;
  for (absl::StatusCode code :
       {kResourceExhausted, kUnavailable, kDeadlineExceeded, kPermissionDenied, kUnauthenticated,
        kFailedPrecondition, kNotFound, kInvalidArgument, kUnimplemented}) {
    for (const absl::Status& failure : failures) {
      if (failure.code() == code) return code;
    }
  }
  return failures.empty() ? kInvalidArgument : failures.front().code();
}

absl::Status AllOf(const std::vector<absl::Status>& failures) {
  std::vector<std::string_view> texts;
  for (const absl::Status& failure : failures) {
    if (texts.size() == kMaxNamedFailures) break;
    texts.push_back(Message(failure));
  }
  std::string text = texts.empty() ? "it names no wrapped key" : StrJoin(texts, "; ");
  if (failures.size() > texts.size()) {
    StrAppend(&text, "; and ", failures.size() - texts.size(), " more");
  }
  return absl::Status(Most(failures), StrCat("no wrapped key opens: ", text));
}

// One layer's way to its key.
class Attempt {
 public:
  Attempt(WrappedKeys wrapped, Bytes hmac)
      : wrapped_(std::move(wrapped)), hmac_(std::move(hmac)), failures_(wrapped_.unreadable) {}

  bool for_public_keys() const { return !wrapped_.jwes.empty() || !wrapped_.pkcs7.empty(); }
  const std::vector<AnnotationPacket>& packets() const { return wrapped_.packets; }
  void Fail(const absl::Status& status) { failures_.push_back(status); }
  absl::Status failure() const { return AllOf(failures_); }

  std::optional<LayerKey> TryPacket(const AnnotationPacket& packet, const SecretBytes& kek) {
    return Take(UnwrapOptions(packet, kek.view()), "provider.attestation-agent");
  }

  // Every JWE and PKCS#7 message with this key.
  std::optional<LayerKey> TryPrivate(const crypto::PrivateKey& key, const std::string& name) {
    for (const std::string& jwe : wrapped_.jwes) {
      auto options =
          crypto::JweDecrypt(jwe, key, crypto::kImageJweAlgorithms, crypto::kImageJweEncryptions);
      if (auto layer_key = Take(std::move(options), StrCat("jwe with ", name))) return layer_key;
    }
    for (const Bytes& message : wrapped_.pkcs7) {
      auto options = crypto::Pkcs7Open(message, key);
      if (auto layer_key = Take(std::move(options), StrCat("pkcs7 with ", name))) return layer_key;
    }
    return std::nullopt;
  }

 private:
  std::optional<LayerKey> Take(absl::StatusOr<SecretBytes> options, std::string_view what) {
    absl::StatusOr<LayerKey> key =
        options.ok() ? ParsePrivateOptions(*options, hmac_) : options.status();
    if (key.ok()) return *std::move(key);
    Fail(Annotate(key.status(), what));
    return std::nullopt;
  }

  WrappedKeys wrapped_;
  Bytes hmac_;
  std::vector<absl::Status> failures_;
};

class Opener {
 public:
  explicit Opener(const LayerKeyOptions& options) : options_(options), keys_(options.resolver) {}

  void CountNames(const Attempt& attempt) {
    for (const AnnotationPacket& packet : attempt.packets()) ++layers_naming_[packet.key_id];
  }

  absl::StatusOr<LayerKey> Open(Attempt* attempt) {
    if (auto key = OpenWithKeysAtHand(attempt)) return *std::move(key);
    if (auto key = OpenPackets(attempt)) return *std::move(key);
    if (auto key = OpenWithPrivateKeys(attempt)) return *std::move(key);
    return attempt->failure();
  }

 private:
  std::optional<LayerKey> OpenWithKeysAtHand(Attempt* attempt) {
    for (const AnnotationPacket& packet : attempt->packets()) {
      const SecretBytes* kek = keys_.Find(packet.key_id);
      if (kek == nullptr) continue;
      if (auto key = attempt->TryPacket(packet, *kek)) return key;
    }
    for (const NamedPrivateKey& held : options_.private_keys) {
      if (auto key = attempt->TryPrivate(held.key, held.name)) return key;
    }
    for (const std::string& uri : options_.private_key_uris) {
      const crypto::PrivateKey* given = keys_.FindPrivate(uri);
      if (given == nullptr) continue;
      if (auto key = attempt->TryPrivate(*given, Printable(uri))) return key;
    }
    return std::nullopt;
  }

  // Asks for key-encryption keys, those first that most layers name.
  std::optional<LayerKey> OpenPackets(Attempt* attempt) {
    std::vector<std::pair<int, const AnnotationPacket*>> order;
    for (const AnnotationPacket& packet : attempt->packets()) {
      if (keys_.Find(packet.key_id) != nullptr) continue;  // tried before
      const int rank = static_cast<int>(order.size()) - 1000 * layers_naming_[packet.key_id];
      order.emplace_back(rank, &packet);
    }
    std::sort(order.begin(), order.end());
    for (const auto& [unused, packet] : order) {
      absl::StatusOr<const SecretBytes*> kek = keys_.Get(packet->key_id);
      if (!kek.ok()) {
        attempt->Fail(Annotate(kek.status(), "provider.attestation-agent"));
        continue;
      }
      if (auto key = attempt->TryPacket(*packet, **kek)) return key;
    }
    return std::nullopt;
  }

  std::optional<LayerKey> OpenWithPrivateKeys(Attempt* attempt) {
    if (!attempt->for_public_keys()) return std::nullopt;
    if (options_.private_key_uris.empty() && options_.private_keys.empty()) {
      attempt->Fail(absl::FailedPreconditionError(
          "jwe, pkcs7: the layer is encrypted for public keys and no private key is configured"));
    }
    for (const std::string& uri : options_.private_key_uris) {
      if (keys_.FindPrivate(uri) != nullptr) continue;  // tried before
      absl::StatusOr<const crypto::PrivateKey*> given = keys_.GetPrivate(uri);
      if (!given.ok()) {
        attempt->Fail(given.status());
        continue;
      }
      if (auto key = attempt->TryPrivate(**given, Printable(uri))) return key;
    }
    return std::nullopt;
  }

  const LayerKeyOptions& options_;
  KeyCache keys_;
  std::map<std::string, int> layers_naming_;  // by key-encryption key
};

// Nothing for a layer that is not encrypted.
absl::StatusOr<std::optional<Attempt>> ReadLayer(const Descriptor& layer) {
  ASSIGN_OR_RETURN(LayerType type, ParseLayerMediaType(layer.media_type));
  if (!type.encrypted) return std::optional<Attempt>();
  ASSIGN_OR_RETURN(Bytes hmac, ParsePublicOptions(layer.annotations));
  ASSIGN_OR_RETURN(WrappedKeys wrapped, ReadWrappedKeys(layer.annotations));
  return std::optional<Attempt>(Attempt(std::move(wrapped), std::move(hmac)));
}

std::string Name(const Descriptor& layer) {
  return StrCat("encrypted layer ", layer.digest.text());
}

}  // namespace

absl::StatusOr<std::vector<std::optional<LayerKey>>> UnwrapLayerKeys(
    const std::vector<Descriptor>& layers, const LayerKeyOptions& options) {
  std::vector<std::optional<Attempt>> attempts;
  Opener opener(options);
  for (const Descriptor& layer : layers) {
    ASSIGN_OR_RETURN(std::optional<Attempt> attempt, ReadLayer(layer), Name(layer));
    if (attempt.has_value()) opener.CountNames(*attempt);
    attempts.push_back(std::move(attempt));
  }
  std::vector<std::optional<LayerKey>> out(layers.size());
  for (size_t i = 0; i < layers.size(); ++i) {
    if (!attempts[i].has_value()) continue;
    ASSIGN_OR_RETURN(out[i], opener.Open(&*attempts[i]), Name(layers[i]));
  }
  return out;
}

}  // namespace nacre::image
