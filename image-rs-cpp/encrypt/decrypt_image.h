// Decrypts an image for its owner: `nacre image decrypt`.
#pragma once

#include <string>

#include "base/status.h"
#include "image-rs-cpp/decrypt/layer_keys.h"
#include "image-rs-cpp/encrypt/rewrite_image.h"

namespace nacre::image {

struct DecryptedImage {
  std::string manifest_digest;
  size_t layers = 0;  // that were encrypted
};

// Every encrypted layer must open. Its HMAC is checked, and the digest it had before it was
// encrypted, before the new image has a name. kUnauthenticated for a wrong key or a changed layer;
// see UnwrapLayerKeys for the others.
absl::StatusOr<DecryptedImage> DecryptImage(const RewriteRequest& image,
                                            const LayerKeyOptions& keys);

}  // namespace nacre::image
