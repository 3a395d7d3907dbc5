// The policies in force: compiled once, shared by all requests, exchanged as a whole when one
// changes here or, in a database that several replicas share, elsewhere. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "attestation/broker/broker_policy.h"
#include "attestation/broker/store.h"
#include "base/status.h"

namespace nacre::attestation {

// Attestation policies have names of [A-Za-z0-9_.-]; this one judges all evidence that comes to the
// broker ("default" means it too), others only what is asked of the attestation service alone.
inline constexpr std::string_view kCpuPolicy = "default_cpu";

// One state of the catalogue; immutable.
class PolicySet {
 public:
  // The shipped policies.
  static absl::StatusOr<std::shared_ptr<const PolicySet>> Defaults();

  const BrokerPolicy& Attestation() const { return *attestation_.find(kCpuPolicy)->second; }
  // nullptr when there is none of that name.
  const BrokerPolicy* FindAttestation(std::string_view name) const;
  // The one of the longest prefix of "repository/type/tag", in whole names; "" is a prefix of all.
  const BrokerPolicy& ForResource(std::string_view path) const;

 private:
  friend class PolicyCatalogue;
  using Policies = std::map<std::string, std::shared_ptr<const BrokerPolicy>, std::less<>>;
  Policies attestation_;
  Policies resource_;
};

class PolicyCatalogue {
 public:
  // Reads and compiles what the store has; kDataLoss naming a policy that no longer compiles.
  static absl::StatusOr<std::unique_ptr<PolicyCatalogue>> Open(Store* store);

  // kDataLoss as above, when another replica has changed something; then nothing is decided.
  absl::StatusOr<std::shared_ptr<const PolicySet>> Current();

  // `name` is an attestation policy's name, or a prefix of resource paths ("" for all).
  // kInvalidArgument with line and reason when the text does not compile or the name is none; then
  // nothing has changed.
  absl::Status Set(PolicyKind kind, std::string_view name, const std::string& text,
                   const Change& change);
  // What was set; the shipped policy, if there is one, applies again. kNotFound.
  absl::Status Remove(PolicyKind kind, std::string_view name, const Change& change);
  // kNotFound when nothing was set.
  absl::StatusOr<std::string> Text(PolicyKind kind, std::string_view name);
  absl::StatusOr<std::vector<StoredPolicy>> List(PolicyKind kind);  // names as given to Set

 private:
  explicit PolicyCatalogue(Store* store) : store_(store) {}

  Store* store_;
  std::mutex mutex_;
  std::shared_ptr<const PolicySet> current_;
  int64_t generation_ = 0;                                 // of the store, when `current_` was read
  std::map<std::string, std::string, std::less<>> texts_;  // compiled into `current_`
};

}  // namespace nacre::attestation
