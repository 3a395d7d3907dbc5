// A reference value for a guest with measured boot: the PCRs that can be told in advance, with the
// events behind them. Written by `nacre measure --mode tpm --reference`.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "tee/tpm/predict.h"

namespace nacre::attestation {

struct TpmReferenceValue {
  std::string name;  // by what the owner calls it; may be empty
  tee::tpm::PcrPrediction prediction;
  std::string command_line;
  int64_t created = 0;             // seconds since 1970
  std::optional<int64_t> expires;  // no longer used from this moment on
};

// Schema "nacre.reference.tpm/1": JSON, hex for bytes, RFC 3339 UTC for times. Unknown members,
// wrong lengths and PCRs that do not follow from their events are kInvalidArgument.
absl::StatusOr<TpmReferenceValue> ParseTpmReference(std::string_view json);
absl::StatusOr<std::string> SerializeTpmReference(const TpmReferenceValue& reference);

}  // namespace nacre::attestation
