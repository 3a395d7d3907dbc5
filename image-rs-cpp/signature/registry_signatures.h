// Looks up the Sigstore signatures a registry keeps beside an image: cosign's tag, and the
// referrers of the manifest and of the index it came from.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "image-rs-cpp/registry/registry_client.h"
#include "image-rs-cpp/signature/sigstore.h"

namespace nacre::image {

struct NamedSignature {
  std::string name;  // "sha256-....sig layer 0", for messages
  SigstoreSignature signature;
};

// The search never fails: what could not be had or read is a problem to show when nothing else is
// good enough.
struct FoundSignatures {
  std::vector<NamedSignature> signatures;
  std::vector<std::string> problems;
  absl::Status unreachable;  // the first failure of the network, if any
};

FoundSignatures FindSigstoreSignatures(const ImageInQuestion& image, const Limits& limits,
                                       RegistryClient* registry);

}  // namespace nacre::image
