#include "image-rs-cpp/encrypt/owner_keys.h"

#include "base/file.h"
#include "base/strings.h"
#include "crypto/x509.h"
#include "image-rs-cpp/decrypt/annotation_packet.h"
#include "image-rs-cpp/decrypt/key_cache.h"
#include "image-rs-cpp/decrypt/provider_parameters.h"
#include "image-rs-cpp/printable.h"

namespace nacre::image {
namespace {

constexpr size_t kMaxFile = 64 << 10;
constexpr std::string_view kProvider = "provider:";

absl::StatusOr<ProviderParameters> ParseProvider(std::string_view text) {
  text.remove_prefix(kProvider.size());
  const size_t colon = text.find(':');
  if (text.substr(0, colon) != kProviderName || colon == std::string_view::npos) {
    return absl::InvalidArgumentError("want provider:attestation-agent:keypath=FILE");
  }
  ASSIGN_OR_RETURN(ProviderParameters parameters, ParseProviderParameters(text.substr(colon + 1)));
  if (parameters.key_path.empty()) {
    return absl::InvalidArgumentError("parameter 'keypath' is missing");
  }
  if (!parameters.key_id.empty()) RETURN_IF_ERROR(CheckKeyUri(parameters.key_id));
  return parameters;
}

}  // namespace

absl::Status OwnerKeys::Add(std::string_view key) {
  const std::string what = StrCat("decryption key ", Printable(key));
  if (key.starts_with(kProvider)) {
    ASSIGN_OR_RETURN(ProviderParameters parameters, ParseProvider(key), what);
    ASSIGN_OR_RETURN(SecretBytes kek, ReadKeyFile(parameters.key_path), what);
    SecretBytes& slot =
        parameters.key_id.empty() ? for_all_ : by_name_[std::string(parameters.key_id)];
    if (!slot.empty()) return absl::InvalidArgumentError(what + ": a second key of this name");
    slot = std::move(kek);
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(Bytes content, ReadFile(std::string(key), kMaxFile), what);
  const SecretBytes text = SecretBytes::TakeFrom(std::move(content));
  absl::StatusOr<crypto::PrivateKey> parsed = ParsePrivateKey(text.view());
  if (parsed.ok()) {
    private_keys_.push_back({std::string(key), *std::move(parsed)});
    return absl::OkStatus();
  }
  if (crypto::Certificate::FromPem(AsText(text.view())).ok()) return absl::OkStatus();
  return Annotate(parsed.status(), what);
}

absl::StatusOr<SecretBytes> OwnerKeys::GetKey(std::string_view kbs_uri) {
  if (auto found = by_name_.find(kbs_uri); found != by_name_.end()) return found->second.Clone();
  if (!for_all_.empty()) return for_all_.Clone();
  return absl::NotFoundError("give --decryption-key provider:attestation-agent:keypath=FILE");
}

LayerKeyOptions OwnerKeys::TakeOptions() {
  LayerKeyOptions options;
  options.resolver = this;
  options.private_keys = std::move(private_keys_);
  return options;
}

}  // namespace nacre::image
