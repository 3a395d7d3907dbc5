// Finds the keys of all encrypted layers of an image before the first byte of a layer is fetched,
// with as few questions to the key broker as the image allows: what can be opened with keys at hand
// is, then the key is asked for that most layers name, and no key twice.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "crypto/key.h"
#include "image-rs-cpp/decrypt/key_resolver.h"
#include "image-rs-cpp/decrypt/layer_cipher.h"
#include "image-rs-cpp/registry/manifest.h"

namespace nacre::image {

struct NamedPrivateKey {
  std::string name;  // for messages: a file's path
  crypto::PrivateKey key;
};

struct LayerKeyOptions {
  // Gives key-encryption keys and private keys by "kbs:///..." name. May be null.
  KeyResolver* resolver = nullptr;
  // "kbs:///..." of private keys (PEM or JWK) to try on layers encrypted for public keys, as
  // `skopeo --encryption-key jwe:key.pem` and `pkcs7:certificate.pem` do. The annotations do not
  // say whose they are.
  std::vector<std::string> private_key_uris;
  // Private keys the caller has.
  std::vector<NamedPrivateKey> private_keys = {};
};

// One element per layer, empty where the layer is not encrypted. When a layer cannot be opened the
// error names every key tried and why it did not fit, and has the code that says most: kUnavailable
// and kDeadlineExceeded no answer from the broker, kPermissionDenied its refusal, kUnauthenticated
// a wrong key or a changed annotation, kFailedPrecondition no broker or no private key configured,
// kUnimplemented only schemes we do not know, kResourceExhausted a bound.
absl::StatusOr<std::vector<std::optional<LayerKey>>> UnwrapLayerKeys(
    const std::vector<Descriptor>& layers, const LayerKeyOptions& options);

}  // namespace nacre::image
