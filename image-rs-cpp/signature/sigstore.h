// Whether one Sigstore signature meets one requirement of the policy.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "image-rs-cpp/registry/reference.h"
#include "image-rs-cpp/signature/policy.h"
#include "image-rs-cpp/signature/sigstore_signature.h"

namespace nacre::image {

// What is about to run.
struct ImageInQuestion {
  ImageReference reference;          // as asked for, before any mirror
  std::vector<std::string> digests;  // of the index, if any, and of the manifest chosen from it
};

// Checks, in this order: the signature with a key or a certificate of the requirement, the log
// entry, the certificate at the time of entry, the digest the payload names, the name it gives.
// kUnauthenticated and kPermissionDenied with the reason; kInvalidArgument for what is malformed.
absl::Status VerifySigstore(const SigstoreSigned& wanted, const SigstoreSignature& signature,
                            const ImageInQuestion& image);

}  // namespace nacre::image
