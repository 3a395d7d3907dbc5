// Keys by URI, counting who asked; "attestation refused" for all others.
#pragma once

#include <atomic>
#include <map>
#include <string>

#include "base/strings.h"
#include "image-rs-cpp/decrypt/key_resolver.h"

namespace nacre::image::testing {

class KeyTable : public KeyResolver {
 public:
  explicit KeyTable(std::map<std::string, Bytes> keys) : keys_(std::move(keys)) {}

  absl::StatusOr<SecretBytes> GetKey(std::string_view uri) override {
    ++calls;
    auto found = keys_.find(std::string(uri));
    if (found == keys_.end()) return absl::PermissionDeniedError("attestation refused");
    return SecretBytes::CopyOf(found->second);
  }

  std::atomic<int> calls = 0;

 private:
  const std::map<std::string, Bytes> keys_;
};

}  // namespace nacre::image::testing
