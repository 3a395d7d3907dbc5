// A policy for one workload: `policy.rego`, which is the rules (policy/generate/rules, the same for
// every workload), what is switched on, and the workload as data.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "policy/generate/settings.h"
#include "policy/generate/workload.h"

namespace nacre::policy {

// Of the rules: a policy says which rules it has.
inline constexpr std::string_view kRulesVersion = "1";

// The rules as they stand in a policy: without comments. One version, one text.
const std::string& RulesText();
// "sha256:..." of RulesText().
const std::string& RulesDigest();

// `data` is MakePolicyData's. Compiles what it makes. kInternal if that fails.
absl::StatusOr<std::string> FormatPolicy(const Json& data, const Workload& workload,
                                         const Settings& settings);

// The data of a generated policy, and its other constants under "requests". kInvalidArgument when
// the text is no such policy.
absl::StatusOr<Json> ReadPolicyData(std::string_view policy);

// An initdata document (TOML) with this policy and the entries of `base`, another such document, or
// none when it is "". An entry "policy.rego" of `base` is replaced.
absl::StatusOr<std::string> FormatPolicyInitdata(const std::string& policy, std::string_view base);

// What the owner should know about the workloads and no policy can change; a sentence each.
std::vector<std::string> Cautions(const Manifests& manifests);

}  // namespace nacre::policy
