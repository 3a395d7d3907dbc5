// A reference value: the launch measurement an owner expects, with the parts needed to compute it
// again and to say what differs. Written by `nacre measure --reference`, registered at the broker.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tee/common/measurement.h"

namespace nacre::attestation {

inline constexpr size_t kMaxReferenceDocument = 256 * 1024;

struct ReferenceValue {
  std::string name;                // by what the owner calls it; may be empty
  tee::Measurement measurement;    // mode snp
  int64_t created = 0;             // seconds since 1970
  std::optional<int64_t> expires;  // no longer used from this moment on
};

// Schema "nacre.reference/1": JSON, hex for bytes, RFC 3339 UTC for times. Unknown members, wrong
// lengths and a digest that its own parts do not give are kInvalidArgument.
absl::StatusOr<ReferenceValue> ParseReferenceValue(std::string_view json);
absl::StatusOr<std::string> SerializeReferenceValue(const ReferenceValue& reference);

}  // namespace nacre::attestation
