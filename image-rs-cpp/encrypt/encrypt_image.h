// Encrypts an image the way ocicrypt does: `nacre image encrypt`.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "image-rs-cpp/decrypt/layer_keys.h"
#include "image-rs-cpp/encrypt/recipients.h"
#include "image-rs-cpp/encrypt/rewrite_image.h"

namespace nacre::image {

struct EncryptRequest {
  RewriteRequest image;
  Recipients recipients;
  // Numbers of the layers to encrypt, 0 the first and -1 the last; empty: all.
  std::vector<int> layers;
  // Opens layers that are encrypted already, so that `recipients` are added to theirs.
  LayerKeyOptions known_keys = {};
};

struct EncryptedImage {
  std::string manifest_digest;
  size_t layers = 0;      // encrypted now
  size_t recipients = 0;  // layers that were encrypted before and got recipients
};

// Each layer gets a key of its own, wrapped for every recipient. kInvalidArgument without
// recipients or for a layer number that is none; kFailedPrecondition when a layer is encrypted
// already and `known_keys` is empty.
absl::StatusOr<EncryptedImage> EncryptImage(const EncryptRequest& request);

}  // namespace nacre::image
