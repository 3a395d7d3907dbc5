// Encrypts an image the way ocicrypt does, for guests that get its key from a broker. For owners
// whose `skopeo` has no key providers (Debian 12's has none).
#pragma once

#include <string>

#include "base/secret_bytes.h"
#include "base/status.h"
#include "image-rs-cpp/limits.h"

namespace nacre::image {

struct EncryptRequest {
  std::string layout;  // an OCI image layout folder that is only read
  std::string tag;     // the image in it
  std::string output;  // a missing or empty folder: the new layout, same tag
  std::string key_id;  // "kbs:///repository/type/tag", where guests will find the key
  SecretBytes key;     // 32 bytes: the key-encryption key
  Limits limits;
};

struct EncryptedImage {
  std::string manifest_digest;
  size_t layers = 0;
};

// Each layer gets a key of its own, wrapped with the key-encryption key. kUnimplemented for an
// index (encrypt its images one by one) and for an image that is encrypted already. On failure the
// output folder is removed again.
absl::StatusOr<EncryptedImage> EncryptImage(const EncryptRequest& request);

}  // namespace nacre::image
