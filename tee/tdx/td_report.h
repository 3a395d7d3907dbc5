// TDREPORT_STRUCT (Intel TDX module specification): what TDG.MR.REPORT gives a trust domain about
// itself, bound to this machine by a MAC that only the machine can check. 1024 bytes,
// little-endian: REPORTMACSTRUCT (256), TEE_TCB_INFO (239), 17 reserved, TDINFO (512).
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"
#include "tee/tdx/quote.h"

namespace nacre::tee::tdx {

inline constexpr size_t kTdReportSize = 1024;

struct TdReport {
  // REPORTMACSTRUCT
  std::array<uint8_t, 4> report_type{};  // type 0x81, subtype, version, reserved
  std::array<uint8_t, 16> cpu_svn{};
  Digest384 tee_tcb_info_hash{};  // SHA-384
  Digest384 tee_info_hash{};
  std::array<uint8_t, 32> mac{};
  // TEE_TCB_INFO and TDINFO in the fields of a quote's body; td15 is always there.
  TdBody td;
  std::array<uint8_t, 8> tee_tcb_info_valid{};
  Bytes raw;  // the 1024 bytes that were parsed, for what is not taken apart; or empty
};

// kInvalidArgument unless it is kTdReportSize bytes of TEE type 0x81.
absl::StatusOr<TdReport> ParseTdReport(ByteView bytes);
// The fields over `raw` (zeros when that is empty): the same bytes for a report that was parsed.
Bytes SerializeTdReport(const TdReport& report);

// The two hashes in REPORTMACSTRUCT are of the parts that follow: kInvalidArgument otherwise.
absl::Status CheckTdReportHashes(const TdReport& report);

}  // namespace nacre::tee::tdx
