// What a policy remembers between requests: the document it sees as data.pstate. A decision may
// come with a JSON patch (RFC 6902) of it, whose paths begin with "/pstate" as in Kata's policies.
#pragma once

#include <memory>

#include "base/json.h"
#include "base/status.h"
#include "policy/rego/value.h"

namespace nacre::policy {

// One version of the state; immutable.
class PolicyState {
 public:
  // {"pstate": {}}
  static std::shared_ptr<const PolicyState> Empty();
  // This state with `ops` (an array of operations) applied to a copy. kInvalidArgument when they
  // are no patch, touch anything but pstate or do not fit the state; kResourceExhausted when the
  // result is larger than kMaxPolicyState bytes of JSON.
  absl::StatusOr<std::shared_ptr<const PolicyState>> Patched(const rego::Value& ops) const;

  const rego::Value& data() const { return data_; }

 private:
  PolicyState() = default;
  static absl::StatusOr<std::shared_ptr<const PolicyState>> FromJson(Json json);

  Json json_;
  std::string text_;
  rego::Arena arena_;
  rego::Value data_;
};

inline constexpr size_t kMaxPolicyState = 1 << 20;
inline constexpr size_t kMaxPatchOperations = 1024;

}  // namespace nacre::policy
