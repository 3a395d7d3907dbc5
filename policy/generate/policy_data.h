// The document that the rules of a generated policy judge by: `policy_data`. Its shape is described
// in docs/reference/generated-policy.md.
#pragma once

#include <functional>
#include <string>

#include "base/json.h"
#include "base/status.h"
#include "policy/generate/images.h"
#include "policy/generate/settings.h"
#include "policy/generate/workload.h"

namespace nacre::policy {

inline constexpr int kPolicyDataVersion = 1;

using FindImage = std::function<absl::StatusOr<ImageFacts>(const std::string& reference)>;

// Deterministic: the same manifests, images and settings give the same document.
absl::StatusOr<Json> MakePolicyData(const Manifests& manifests, const Workload& workload,
                                    const Settings& settings, const FindImage& find_image);

// "repository:tag@sha256:..." for the manifest: the image as the policy wants it.
std::string PinnedReference(const ImageFacts& facts);

}  // namespace nacre::policy
