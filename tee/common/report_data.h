// The 64 bytes a guest chooses and the hardware signs: they bind evidence to a nonce and a key.
#pragma once

#include <array>

#include "base/bytes.h"

namespace nacre::tee {

inline constexpr size_t kReportDataSize = 64;

struct ReportData {
  std::array<uint8_t, kReportDataSize> bytes{};

  // `value` at the front, zeros behind it. kInvalidArgument when it is longer than 64 bytes.
  static absl::StatusOr<ReportData> FromBytes(ByteView value);
  ByteView view() const { return bytes; }
  bool operator==(const ReportData&) const = default;
};

struct Appraisal;
// Adds the check "report data", class REPORT_DATA: all 64 bytes must be equal.
bool CheckReportData(const std::array<uint8_t, kReportDataSize>& got, const ReportData& expected,
                     Appraisal* appraisal);

}  // namespace nacre::tee
