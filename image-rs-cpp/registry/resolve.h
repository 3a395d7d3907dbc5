// From a reference to the one manifest that is meant for this machine: through an index, and
// through indexes in an index, which are followed only so deep and so far.
#pragma once

#include <string>

#include "base/status.h"
#include "image-rs-cpp/registry/manifest.h"
#include "image-rs-cpp/registry/registry_client.h"

namespace nacre::image {

struct ResolvedImage {
  std::string reference_digest;  // of what the registry has under the reference
  std::string manifest_digest;   // of the manifest; the same without an index
  Manifest manifest;
};

struct ResolveOptions {
  std::string expected_digest = {};  // of what is under the reference; empty: any
  Platform platform = {};
};

// kNotFound when no entry is for the platform, kResourceExhausted past max_index_depth or
// max_index_documents, kInvalidArgument for an index that leads back to itself, kDataLoss for an
// entry that is not of the size or kind the index says; the errors of RegistryClient and of
// manifest.h.
absl::StatusOr<ResolvedImage> ResolveImage(const ImageReference& reference,
                                           const ResolveOptions& options, const Limits& limits,
                                           RegistryClient* registry);

}  // namespace nacre::image
