#include "image-rs-cpp/decrypt/key_cache.h"

#include "base/strings.h"
#include "crypto/jwk.h"
#include "image-rs-cpp/decrypt/annotation_packet.h"
#include "image-rs-cpp/printable.h"

namespace nacre::image {
namespace {

// The JSON library keeps strings of its own: they are wiped before they go.
void WipeStrings(Json& object) {
  for (auto& member : object) {
    if (!member.is_string()) continue;
    std::string& text = member.get_ref<std::string&>();
    SecureWipe({reinterpret_cast<uint8_t*>(text.data()), text.size()});
  }
}

}  // namespace

absl::StatusOr<crypto::PrivateKey> ParsePrivateKey(ByteView text) {
  if (!StripSpace(AsText(text)).starts_with('{')) return crypto::PrivateKey::FromPem(text);
  ASSIGN_OR_RETURN(Json jwk, ParseJson(AsText(text), {.max_size = 64 << 10, .max_depth = 8}),
                   "JWK");
  absl::StatusOr<crypto::PrivateKey> key = crypto::PrivateKeyFromJwk(jwk);
  WipeStrings(jwk);
  return key;
}

absl::StatusOr<SecretBytes> KeyCache::Ask(const std::string& uri) {
  RETURN_IF_ERROR(CheckKeyUri(uri));
  const std::string what = StrCat("key ", Printable(uri));
  if (resolver_ == nullptr) {
    return absl::FailedPreconditionError(what + ": there is no key broker to ask");
  }
  ASSIGN_OR_RETURN(SecretBytes key, resolver_->GetKey(uri), what);
  return key;
}

const SecretBytes* KeyCache::Find(const std::string& uri) const {
  auto found = keys_.find(uri);
  return found != keys_.end() && found->second.ok() ? &*found->second : nullptr;
}

const crypto::PrivateKey* KeyCache::FindPrivate(const std::string& uri) const {
  auto found = private_keys_.find(uri);
  return found != private_keys_.end() && found->second.ok() ? &*found->second : nullptr;
}

absl::StatusOr<const SecretBytes*> KeyCache::Get(const std::string& uri) {
  auto found = keys_.find(uri);
  if (found == keys_.end()) {
    if (keys_.size() == kMaxKeysPerImage) {
      return absl::ResourceExhaustedError(
          StrCat("the image needs more than ", kMaxKeysPerImage, " keys"));
    }
    found = keys_.emplace(uri, Ask(uri)).first;
  }
  RETURN_IF_ERROR(found->second.status());
  return &*found->second;
}

absl::StatusOr<const crypto::PrivateKey*> KeyCache::GetPrivate(const std::string& uri) {
  auto found = private_keys_.find(uri);
  if (found == private_keys_.end()) {
    ASSIGN_OR_RETURN(const SecretBytes* text, Get(uri));
    absl::StatusOr<crypto::PrivateKey> key = ParsePrivateKey(text->view());
    if (!key.ok()) key = Annotate(key.status(), StrCat("key ", Printable(uri)));
    found = private_keys_.emplace(uri, std::move(key)).first;
  }
  RETURN_IF_ERROR(found->second.status());
  return &*found->second;
}

}  // namespace nacre::image
