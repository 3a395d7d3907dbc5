// The owner's image policy, policy.json as containers-policy.json(5) has it: per scope a list of
// requirements, all of which must hold. Key material named by it is loaded while it is read, so
// that what is in memory afterwards is all there is to the decision.
//
// Stricter than its model where that one leaves room: a member nobody knows, a requirement type or
// key type not implemented here, a key that does not parse, and a scope that can match nothing are
// refused with the whole document; an empty requirement list lets no image through.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "crypto/key.h"
#include "crypto/x509.h"
#include "image-rs-cpp/documents.h"
#include "image-rs-cpp/registry/reference.h"
#include "image-rs-cpp/signature/identity.h"

namespace nacre::image {

struct InsecureAcceptAnything {};
struct Reject {};

// OpenPGP simple signing by any key of the keyring.
struct SignedBy {
  Bytes keyring;  // binary OpenPGP: transferable public keys, one after the other
  SignedIdentity identity;
};

// Certificates of a Fulcio-style authority, good for this person or workload only.
struct FulcioRequirement {
  std::vector<crypto::Certificate> roots;  // "caData": roots and intermediates told apart
  std::vector<crypto::Certificate> intermediates;
  std::string oidc_issuer;
  // What the certificate's subject alternative name must be: one of these two is set.
  std::string subject_email;
  std::string subject_uri;  // a workflow or SPIFFE id; our addition to the format
};

// A Sigstore signature: by one of the keys, or by a certificate.
struct SigstoreSigned {
  std::vector<crypto::PublicKey> keys;  // empty exactly when `fulcio` is set
  std::optional<FulcioRequirement> fulcio;
  // Any one of these must have logged the signature; none: no log entry is asked for.
  std::vector<crypto::PublicKey> rekor_keys;
  // Absent: the payload must name the repository asked for if it names any (a bundle does not).
  std::optional<SignedIdentity> identity;
};

using Requirement = std::variant<InsecureAcceptAnything, Reject, SignedBy, SigstoreSigned>;
using Requirements = std::vector<Requirement>;

struct ImagePolicy {
  Requirements fallback;                       // "default"
  std::map<std::string, Requirements> docker;  // by scope; other transports are checked and left

  struct Found {
    std::string scope;  // as in the document; "default" for the fallback
    const Requirements* requirements;
  };
  // The most specific scope that covers the reference: its full text, repository@digest,
  // repository:tag, the repository, each namespace above it, the registry, "*.domain" from the
  // longest on, "", and then the default.
  Found Find(const ImageReference& reference) const;
};

// kInvalidArgument naming the place ("policy: transports.docker 'quay.io' requirement 0: ...");
// the errors of `documents` for key material that cannot be had.
absl::StatusOr<ImagePolicy> ParseImagePolicy(std::string_view text, const Documents& documents);

}  // namespace nacre::image
