// The registry as a source, from a blob's first byte on.
#pragma once

#include "image-rs-cpp/registry/blob_source.h"
#include "image-rs-cpp/registry/registry_client.h"

namespace nacre::runtime {

class RegistrySource : public image::BlobSource {
 public:
  explicit RegistrySource(image::RegistryClient* client) : client_(client) {}
  std::string_view name() const override { return "registry"; }
  absl::Status Read(const image::ImageReference& image, const image::Descriptor& blob, uint64_t,
                    const OnBytes& on_bytes) override {
    return client_->GetBlob(image, blob, on_bytes);
  }

 private:
  image::RegistryClient* const client_;
};

}  // namespace nacre::runtime
