// Short-lived signing certificates (Fulcio): an authority the owner trusts says that an identity
// provider (the OIDC issuer) vouched for a person or workload (the subject alternative name).
#pragma once

#include <string>

#include "base/status.h"
#include "crypto/x509.h"
#include "image-rs-cpp/signature/policy.h"

namespace nacre::image {

// What a signing certificate says about its holder.
struct SigningIdentity {
  std::string issuer;  // extension 1.3.6.1.4.1.57264.1.8, or .1 of older certificates
  std::string email;   // one of these two
  std::string uri;
};

// kInvalidArgument when it says less or more: no issuer, issuers that differ, not exactly one name.
absl::StatusOr<SigningIdentity> ReadSigningIdentity(const crypto::Certificate& leaf);

// That `certificates` (leaf first, others untrusted) lead to one of the authority's roots at `time`
// (seconds since 1970, when the log took the signature), are for code signing, and are this
// identity's. kUnauthenticated or kPermissionDenied with the reason.
absl::Status CheckSigningCertificate(const std::vector<crypto::Certificate>& certificates,
                                     const FulcioRequirement& wanted, int64_t time);

}  // namespace nacre::image
