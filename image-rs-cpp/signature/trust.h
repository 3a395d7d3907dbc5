// The decision whether an image may run: the owner's policy, asked for the reference somebody wants
// to start, each time, whatever is cached. A mirror or a cache changes where bytes come from, never
// which rule applies.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"
#include "image-rs-cpp/documents.h"
#include "image-rs-cpp/limits.h"
#include "image-rs-cpp/registry/registry_client.h"
#include "image-rs-cpp/signature/lookaside.h"
#include "image-rs-cpp/signature/policy.h"
#include "image-rs-cpp/signature/sigstore.h"

namespace nacre::image {

// Immutable; threads may share one.
class TrustPolicy {
 public:
  // Reads policy.json and the key material it names; ParseImagePolicy's errors. `lookaside` says
  // where OpenPGP signatures are kept.
  static absl::StatusOr<std::shared_ptr<const TrustPolicy>> Create(std::string_view policy_json,
                                                                   const Documents& documents,
                                                                   Lookaside lookaside = {});
  // {"default": [{"type": "insecureAcceptAnything"}]}: for an owner's own desk.
  static std::shared_ptr<const TrustPolicy> AcceptAnything();

  // OK when every requirement for the image holds. kPermissionDenied names the scope, the
  // requirement and why each signature found is not good enough; the network's codes when
  // signatures could not be looked up.
  absl::Status Check(const ImageInQuestion& image, const Limits& limits,
                     RegistryClient* registry) const;

 private:
  TrustPolicy(ImagePolicy policy, Lookaside lookaside)
      : policy_(std::move(policy)), lookaside_(std::move(lookaside)) {}
  const ImagePolicy policy_;
  const Lookaside lookaside_;
};

}  // namespace nacre::image
