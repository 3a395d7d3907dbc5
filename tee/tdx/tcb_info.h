// TCB info and quoting enclave identity (Intel PCS API version 4): what patch levels mean for a
// kind of platform, a TDX module and a quoting enclave. Signatures are checked in collateral.h,
// levels are matched in tcb.h.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"

namespace nacre::tee::tdx {

enum class TcbStatus {
  kUpToDate,
  kSwHardeningNeeded,
  kConfigurationNeeded,
  kConfigurationAndSwHardeningNeeded,
  kOutOfDate,
  kOutOfDateConfigurationNeeded,
  kTdRelaunchAdvised,
  kTdRelaunchAdvisedConfigurationNeeded,
  kRevoked,
};
// "UpToDate", "SWHardeningNeeded", ... as Intel writes them.
std::string_view TcbStatusName(TcbStatus status);
absl::StatusOr<TcbStatus> ParseTcbStatus(std::string_view name);

// What a level says once it matched.
struct LevelVerdict {
  TcbStatus status = TcbStatus::kRevoked;
  std::string date;                     // tcbDate, as written
  std::vector<std::string> advisories;  // "INTEL-SA-00837"
};

// Of an enclave or a TDX module: matches an SVN that is not lower.
struct SvnLevel {
  uint32_t isv_svn = 0;
  LevelVerdict verdict;
};

struct PlatformLevel {
  std::array<uint8_t, 16> sgx_svn{};
  uint32_t pce_svn = 0;
  std::optional<std::array<uint8_t, 16>> tdx_svn;  // always there when the id is "TDX"
  LevelVerdict verdict;
};

// The SEAM module that may run: values under masks.
struct TdxModule {
  std::array<uint8_t, 48> mrsigner{};
  std::array<uint8_t, 8> attributes{};
  std::array<uint8_t, 8> attributes_mask{};
};
struct TdxModuleIdentity {
  std::string id;  // "TDX_01", "TDX_03"
  TdxModule module;
  std::vector<SvnLevel> levels;
};

struct TcbInfo {
  std::string id;  // "TDX" or "SGX" (also when version 2 does not say)
  uint32_t version = 0;
  int64_t issue_date = 0;  // seconds since 1970
  int64_t next_update = 0;
  std::array<uint8_t, 6> fmspc{};
  std::array<uint8_t, 2> pce_id{};
  uint32_t tcb_type = 0;
  uint32_t evaluation_data_number = 0;
  std::optional<TdxModule> tdx_module;
  std::vector<TdxModuleIdentity> tdx_module_identities;
  std::vector<PlatformLevel> levels;  // in Intel's order, newest first
};

struct QeIdentity {
  std::string id;  // "TD_QE", "QE", "QVE"
  uint32_t version = 0;
  int64_t issue_date = 0;
  int64_t next_update = 0;
  uint32_t evaluation_data_number = 0;
  uint32_t miscselect = 0;  // hex in the text gives the bytes of the report: little-endian
  uint32_t miscselect_mask = 0;
  std::array<uint8_t, 16> attributes{};
  std::array<uint8_t, 16> attributes_mask{};
  std::array<uint8_t, 32> mrsigner{};
  uint32_t isv_prod_id = 0;
  std::vector<SvnLevel> levels;
};

// From the signed objects (signed_json.h). kInvalidArgument (class kFormat) naming the member.
// Members that are not known are passed over: Intel adds some, and the signature covers them.
absl::StatusOr<TcbInfo> ParseTcbInfo(const Json& body);
absl::StatusOr<QeIdentity> ParseQeIdentity(const Json& body);

}  // namespace nacre::tee::tdx
