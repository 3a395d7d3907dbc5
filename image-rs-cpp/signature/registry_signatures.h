// Looks up the signatures of an image and of the index it came from. Sigstore's are kept by the
// registry: under cosign's tag, and as referrers. OpenPGP's are kept by a lookaside store, or by a
// registry that has the signature extension.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "image-rs-cpp/registry/registry_client.h"
#include "image-rs-cpp/signature/lookaside.h"
#include "image-rs-cpp/signature/sigstore.h"

namespace nacre::image {

struct NamedSignature {
  std::string name;  // "sha256-....sig layer 0", for messages
  SigstoreSignature signature;
};

struct NamedMessage {
  std::string name;
  Bytes message;
};

// The search never fails: what could not be had or read is a problem to show when nothing else is
// good enough.
struct FoundSignatures {
  std::vector<NamedSignature> signatures;
  std::vector<NamedMessage> messages;  // OpenPGP
  std::vector<std::string> problems;
  absl::Status unreachable;  // the first failure of the network, if any
};

FoundSignatures FindSigstoreSignatures(const ImageInQuestion& image, const Limits& limits,
                                       RegistryClient* registry);
FoundSignatures FindOpenPgpSignatures(const ImageInQuestion& image, const Lookaside& lookaside,
                                      RegistryClient* registry);

}  // namespace nacre::image
