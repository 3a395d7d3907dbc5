// One Rego policy of the broker, compiled. Two kinds, both `package policy`, in the form in which
// policies for Confidential Containers' key broker are written, so that those run unchanged:
//
//   attestation  input: {"<tee>": claims, "init_data", "report_data", "runtime_data_claims"...};
//                gives `trust_claims`, an object of AR4SI names and numbers, and `extensions`.
//   resource     input: a token's claims; data: {"plugin", "resource-path": [...], "query": {}};
//                gives `allow`, and only `true` is a yes.
//
// A policy may ask `query_reference_value("id")`, which gives the registered value or null.
// Whatever goes wrong in a policy is a no. Text is Rego v1, or v0 where it is none of v1.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"

namespace nacre::rego {
class Policy;
}

namespace nacre::attestation {

enum class PolicyKind { kAttestation, kResource };
inline constexpr size_t kMaxPolicySize = 1 << 20;

// The value registered under an id, as JSON; null when there is none in force.
using ReferenceQuery = std::function<Json(std::string_view id)>;

struct TrustClaims {
  Json vector = Json::object();      // AR4SI names to integers; all eight are there
  Json extensions = Json::object();  // names of the EAR's further members to values
};

// Immutable once compiled; thread-safe.
class BrokerPolicy {
 public:
  // kInvalidArgument "name:line:column: code: why" when the text is no policy of this kind.
  static absl::StatusOr<std::shared_ptr<const BrokerPolicy>> Compile(PolicyKind kind,
                                                                     std::string name,
                                                                     std::string_view text);
  ~BrokerPolicy();

  const std::string& name() const { return name_; }

  // kFailedPrecondition when the policy gives no trust claims, or something else under that name.
  absl::StatusOr<TrustClaims> Judge(const Json& evidence, const ReferenceQuery& references) const;

  struct Decision {
    bool allowed = false;
    std::string why_not;  // for the owner: holds values of the input and of the policy
  };
  // The input is `token` with, unless null, `trust` as its "trust_context", whose
  // "attestation_summary" gets `token` once more as its "claims".
  Decision Decide(const Json& token, const Json& data, const ReferenceQuery& references,
                  const Json& trust = nullptr) const;

 private:
  struct Workspace;
  class Lease;
  BrokerPolicy(std::string name, std::shared_ptr<const rego::Policy> policy);

  std::string name_;
  std::shared_ptr<const rego::Policy> policy_;
  int32_t entry_ = -1;
  int32_t extensions_ = -1;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<Workspace>> idle_;  // memory kept from one use to the next
};

// The policies that apply until an owner sets another: shipped with the broker, in policies/*.rego.
std::string_view DefaultAttestationPolicy();
std::string_view DefaultResourcePolicy();

}  // namespace nacre::attestation
