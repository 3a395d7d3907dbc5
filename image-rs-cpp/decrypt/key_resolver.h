// Where keys come from. In the guest this is the key broker's client: asking it is what proves the
// guest, so an image's keys are exactly as safe as the broker's policy.
#pragma once

#include <string_view>

#include "base/secret_bytes.h"
#include "base/status.h"

namespace nacre::image {

class KeyResolver {
 public:
  virtual ~KeyResolver() = default;
  // The secret named by a "kbs:///repository/type/tag" URI. Several pulls may ask at
  // the same time, each from its own thread.
  virtual absl::StatusOr<SecretBytes> GetKey(std::string_view kbs_uri) = 0;
};

}  // namespace nacre::image
