#include "attestation/broker/policy_catalogue.h"

namespace nacre::attestation {

absl::StatusOr<std::shared_ptr<const PolicySet>> PolicySet::Defaults() {
  auto set = std::make_shared<PolicySet>();
  ASSIGN_OR_RETURN(set->attestation_,
                   BrokerPolicy::Compile(PolicyKind::kAttestation, std::string(kCpuPolicy),
                                         DefaultAttestationPolicy()));
  ASSIGN_OR_RETURN(set->resource_[""], BrokerPolicy::Compile(PolicyKind::kResource, "resource",
                                                             DefaultResourcePolicy()));
  return set;
}

const BrokerPolicy& PolicySet::ForResource(std::string_view path) const {
  while (true) {
    const auto found = resource_.find(path);
    if (found != resource_.end()) return *found->second;
    const size_t slash = path.rfind('/');
    path = slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
  }
}

absl::StatusOr<std::unique_ptr<PolicyCatalogue>> PolicyCatalogue::Open() {
  auto catalogue = std::make_unique<PolicyCatalogue>();
  ASSIGN_OR_RETURN(catalogue->current_, PolicySet::Defaults());
  return catalogue;
}

std::shared_ptr<const PolicySet> PolicyCatalogue::Current() {
  std::lock_guard lock(mutex_);
  return current_;
}

}  // namespace nacre::attestation
