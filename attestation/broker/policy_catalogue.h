// The policies in force: compiled once, shared by all requests, exchanged as a whole when one
// changes. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "attestation/broker/broker_policy.h"
#include "base/status.h"

namespace nacre::attestation {

// Names of attestation policies; each judges the evidence of one class of devices.
inline constexpr std::string_view kCpuPolicy = "default_cpu";

// One state of the catalogue; immutable.
class PolicySet {
 public:
  // The shipped policies.
  static absl::StatusOr<std::shared_ptr<const PolicySet>> Defaults();

  const BrokerPolicy& Attestation() const { return *attestation_; }
  // The one of the longest prefix of "repository/type/tag", in whole names; "" is a prefix of all.
  const BrokerPolicy& ForResource(std::string_view path) const;

 private:
  friend class PolicyCatalogue;
  std::shared_ptr<const BrokerPolicy> attestation_;
  std::map<std::string, std::shared_ptr<const BrokerPolicy>, std::less<>> resource_;
};

class PolicyCatalogue {
 public:
  static absl::StatusOr<std::unique_ptr<PolicyCatalogue>> Open();

  std::shared_ptr<const PolicySet> Current();

 private:
  std::mutex mutex_;
  std::shared_ptr<const PolicySet> current_;
};

}  // namespace nacre::attestation
