// Whose name a signature is good for. A signed payload names an image; the policy says how near
// that name must be to the reference somebody asked for (containers-policy.json(5),
// "signedIdentity").
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/status.h"
#include "image-rs-cpp/registry/reference.h"

namespace nacre::image {

struct SignedIdentity {
  enum class Match {
    kExact,              // same repository and same tag or digest
    kRepoDigestOrExact,  // the same repository when the reference has a digest, else kExact
    kRepository,         // the same repository, whatever the tag
    kExactReference,     // exactly `reference`, whatever was asked for
    kExactRepository,    // exactly the repository `reference`
    kRemapIdentity,      // kRepoDigestOrExact after `prefix` was replaced by `signed_prefix`
  };
  Match match = Match::kRepoDigestOrExact;
  std::string reference = {};
  std::string prefix = {};
  std::string signed_prefix = {};
};

// kInvalidArgument for an unknown type or member, or a reference that does not parse.
absl::StatusOr<SignedIdentity> ParseSignedIdentity(const Json& json, std::string_view where);

// Whether a payload that names `signed_reference` may speak for `asked`. kPermissionDenied with the
// two names otherwise, kInvalidArgument when the signed name is none.
absl::Status CheckSignedIdentity(const SignedIdentity& identity, const ImageReference& asked,
                                 std::string_view signed_reference);

}  // namespace nacre::image
