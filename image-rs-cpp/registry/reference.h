// Names of images, as people write them: [host[:port]/]repository[:tag][@digest], with Docker's
// defaults ("busybox" is docker.io/library/busybox:latest). Grammar of the distribution reference.
//
// A name is an address, not an identity: whoever runs the registry or the network decides what it
// yields. Only a digest, or the key a layer is encrypted with, says whose image it is.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace nacre::image {

struct ImageReference {
  std::string registry;    // "docker.io", "127.0.0.1:5000", "[::1]:5000"
  std::string repository;  // "library/busybox"
  std::string tag;         // "latest"; empty when only a digest was given
  std::string digest;      // "sha256:..." or empty

  // What to ask the registry for: the digest when there is one, else the tag.
  const std::string& Target() const { return digest.empty() ? tag : digest; }
  // Host and port of the registry's API: docker.io is served by registry-1.docker.io.
  std::string ApiHost() const;
  // The canonical text, everything spelled out.
  std::string ToString() const;
};

// kInvalidArgument naming the part that is wrong. At most 1024 bytes: repository 255, tag 128.
absl::StatusOr<ImageReference> ParseImageReference(std::string_view text);

}  // namespace nacre::image
