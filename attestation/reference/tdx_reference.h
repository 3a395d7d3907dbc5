// A reference value for a TDX guest: the registers an owner expects, with the events behind them.
// Written by `nacre measure --mode tdx --reference`.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tee/tdx/measurement.h"

namespace nacre::attestation {

struct TdxReferenceValue {
  std::string name;  // by what the owner calls it; may be empty
  Bytes firmware_sha256;
  Bytes kernel_sha256;  // empty: none
  Bytes initrd_sha256;  // empty: none
  std::string command_line;
  uint64_t memory_bytes = 0;
  std::string rtmr_profile;  // see tee::tdx::ParseRtmrProfile
  Bytes mrtd;                // 48 bytes
  std::array<std::optional<Bytes>, 3> rtmr{};
  std::vector<tee::tdx::RtmrEvent> events;
  int64_t created = 0;             // seconds since 1970
  std::optional<int64_t> expires;  // no longer used from this moment on
};

TdxReferenceValue MakeTdxReference(const tee::tdx::TdxMeasurement& measurement);

// Schema "nacre.reference.tdx/1": JSON, hex for bytes, RFC 3339 UTC for times. Unknown members,
// wrong lengths and registers that do not follow from their events are kInvalidArgument.
absl::StatusOr<TdxReferenceValue> ParseTdxReference(std::string_view json);
absl::StatusOr<std::string> SerializeTdxReference(const TdxReferenceValue& reference);

}  // namespace nacre::attestation
