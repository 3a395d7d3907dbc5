// Finds the keys of all encrypted layers of an image before the first byte of a layer is fetched.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "image-rs-cpp/decrypt/key_resolver.h"
#include "image-rs-cpp/decrypt/layer_cipher.h"
#include "image-rs-cpp/registry/manifest.h"

namespace nacre::image {

struct LayerKeyOptions {
  // May be null: then an encrypted layer is kFailedPrecondition.
  KeyResolver* resolver = nullptr;
  // "kbs:///..." of private keys (PEM) to try on layers encrypted for a public key (ocicrypt's jwe
  // scheme, as `skopeo --encryption-key jwe:key.pem` does). The annotation does not say whose.
  std::vector<std::string> private_key_uris;
};

// One element per layer, empty where the layer is not encrypted. Each key-encryption key is asked
// for once. kUnimplemented when a layer's keys are wrapped in schemes we do not know only.
absl::StatusOr<std::vector<std::optional<LayerKey>>> UnwrapLayerKeys(
    const std::vector<Descriptor>& layers, const LayerKeyOptions& options);

}  // namespace nacre::image
