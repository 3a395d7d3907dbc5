// /etc/passwd and /etc/group of an image, out of its layers, without unpacking them.
#pragma once

#include <functional>

#include "base/bytes.h"
#include "base/status.h"
#include "image-rs-cpp/accounts.h"
#include "image-rs-cpp/limits.h"
#include "image-rs-cpp/registry/manifest.h"

namespace nacre::policy {

// Reads one layer after the other, bottom first.
class AccountReader {
 public:
  explicit AccountReader(const image::Limits& limits) : limits_(limits) {}

  using OnBytes = std::function<absl::Status(ByteView)>;
  // `stream` writes the layer's bytes as they are in the registry.
  absl::Status ReadLayer(const image::Descriptor& layer,
                         const std::function<absl::Status(const OnBytes&)>& stream);
  const image::AccountFiles& files() const { return files_; }

 private:
  const image::Limits& limits_;
  image::AccountFiles files_;
};

}  // namespace nacre::policy
