// In the store a policy's name is "attestation/<name>" or "resource/<prefix>".
#include "attestation/broker/policy_catalogue.h"

#include <algorithm>

#include "attestation/protocol/limits.h"
#include "base/strings.h"

namespace nacre::attestation {
namespace {

constexpr std::string_view Prefix(PolicyKind kind) {
  return kind == PolicyKind::kAttestation ? "attestation/" : "resource/";
}

bool IsName(std::string_view name) {
  const bool plain = std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
  return plain && !name.empty() && name[0] != '.' && name.size() <= kMaxPathSegmentSize;
}

// "" for the name that means all resources or, of attestation policies, the broker's own.
absl::StatusOr<std::string> StoreName(PolicyKind kind, std::string_view name) {
  if (kind == PolicyKind::kAttestation) {
    if (name == "default" || name.empty()) name = kCpuPolicy;
    if (!IsName(name)) return absl::InvalidArgumentError("policy_id is no name");
    return StrCat(Prefix(kind), name);
  }
  const std::vector<std::string_view> parts = StrSplit(name, '/');
  if (!name.empty() && (parts.size() > 3 || !std::ranges::all_of(parts, IsName))) {
    return absl::InvalidArgumentError("a resource policy's prefix is repository[/type[/tag]]");
  }
  return StrCat(Prefix(kind), name);
}

absl::StatusOr<std::shared_ptr<const BrokerPolicy>> Compile(PolicyKind kind, std::string_view name,
                                                            std::string_view text) {
  return BrokerPolicy::Compile(kind, name.empty() ? "resource" : std::string(name), text);
}

}  // namespace

absl::StatusOr<std::shared_ptr<const PolicySet>> PolicySet::Defaults() {
  static const auto* const kDefaults = new absl::StatusOr<std::shared_ptr<const PolicySet>>(
      []() -> absl::StatusOr<std::shared_ptr<const PolicySet>> {
        auto set = std::make_shared<PolicySet>();
        ASSIGN_OR_RETURN(set->attestation_[std::string(kCpuPolicy)],
                         Compile(PolicyKind::kAttestation, kCpuPolicy, DefaultAttestationPolicy()));
        ASSIGN_OR_RETURN(set->resource_[""],
                         Compile(PolicyKind::kResource, "", DefaultResourcePolicy()));
        return set;
      }());
  return *kDefaults;
}

const BrokerPolicy* PolicySet::FindAttestation(std::string_view name) const {
  const auto found = attestation_.find(name);
  return found == attestation_.end() ? nullptr : found->second.get();
}

const BrokerPolicy& PolicySet::ForResource(std::string_view path) const {
  while (true) {
    const auto found = resource_.find(path);
    if (found != resource_.end()) return *found->second;
    const size_t slash = path.rfind('/');
    path = slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
  }
}

absl::StatusOr<std::unique_ptr<PolicyCatalogue>> PolicyCatalogue::Open(Store* store) {
  std::unique_ptr<PolicyCatalogue> catalogue(new PolicyCatalogue(store));
  RETURN_IF_ERROR(catalogue->Current().status());
  return catalogue;
}

absl::StatusOr<std::shared_ptr<const PolicySet>> PolicyCatalogue::Current() {
  std::lock_guard lock(mutex_);
  // Read before the policies: at worst they are read once more than needed.
  ASSIGN_OR_RETURN(const int64_t generation, store_->Generation());
  if (current_ != nullptr && generation == generation_) return current_;
  ASSIGN_OR_RETURN(const std::vector<StoredPolicy> stored, store_->ListPolicies());
  ASSIGN_OR_RETURN(const auto defaults, PolicySet::Defaults());
  auto fresh = std::make_shared<PolicySet>(*defaults);
  std::map<std::string, std::string, std::less<>> texts;
  for (const StoredPolicy& policy : stored) {
    const bool attestation = policy.name.starts_with(Prefix(PolicyKind::kAttestation));
    const PolicyKind kind = attestation ? PolicyKind::kAttestation : PolicyKind::kResource;
    const std::string name = policy.name.substr(Prefix(kind).size());
    auto& place = (attestation ? fresh->attestation_ : fresh->resource_)[name];
    const auto known = texts_.find(policy.name);
    if (current_ != nullptr && known != texts_.end() && known->second == policy.text) {
      place = (attestation ? current_->attestation_ : current_->resource_).find(name)->second;
    } else {
      auto compiled = Compile(kind, name, policy.text);
      if (!compiled.ok()) {
        return absl::DataLossError(
            StrCat("stored policy ", policy.name, ": ", Message(compiled.status())));
      }
      place = *std::move(compiled);
    }
    texts.emplace(policy.name, policy.text);
  }
  current_ = std::move(fresh);
  texts_ = std::move(texts);
  generation_ = generation;
  return current_;
}

absl::Status PolicyCatalogue::Set(PolicyKind kind, std::string_view name, const std::string& text,
                                  const Change& change) {
  ASSIGN_OR_RETURN(std::string stored, StoreName(kind, name));
  RETURN_IF_ERROR(
      Compile(kind, std::string_view(stored).substr(Prefix(kind).size()), text).status());
  return store_->PutPolicy({std::move(stored), text, change.time}, change);
}

absl::Status PolicyCatalogue::Remove(PolicyKind kind, std::string_view name, const Change& change) {
  ASSIGN_OR_RETURN(const std::string stored, StoreName(kind, name));
  return store_->DeletePolicy(stored, change);
}

absl::StatusOr<std::string> PolicyCatalogue::Text(PolicyKind kind, std::string_view name) {
  ASSIGN_OR_RETURN(const std::string stored, StoreName(kind, name));
  ASSIGN_OR_RETURN(const std::vector<StoredPolicy> all, store_->ListPolicies());
  const auto found = std::ranges::find(all, stored, &StoredPolicy::name);
  if (found != all.end()) return found->text;
  return absl::NotFoundError(StrCat("no policy '", name, "' was set"));
}

absl::StatusOr<std::vector<StoredPolicy>> PolicyCatalogue::List(PolicyKind kind) {
  ASSIGN_OR_RETURN(const std::vector<StoredPolicy> all, store_->ListPolicies());
  std::vector<StoredPolicy> out;
  for (const StoredPolicy& policy : all) {
    if (!policy.name.starts_with(Prefix(kind))) continue;
    out.push_back({policy.name.substr(Prefix(kind).size()), policy.text, policy.updated_at});
  }
  return out;
}

}  // namespace nacre::attestation
