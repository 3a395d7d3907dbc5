// TDVF metadata of a firmware image: which ranges of it a hypervisor puts into guest memory before
// a TD starts, and which of them it measures (Intel "TDX Virtual Firmware Design Guide", section
// 11; found through the GUID table of tee/common/firmware_table.h).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace nacre::tee::tdx {

enum class TdvfSectionType : uint32_t {
  kBfv = 0,      // boot firmware volume: code
  kCfv = 1,      // configuration firmware volume: variables
  kTdHob = 2,    // where the hypervisor writes the list of memory resources
  kTempMem = 3,  // zeroed memory the firmware starts in
  kPermMem = 4,
  kPayload = 5,
  kPayloadParam = 6,
};
std::string_view TdvfSectionName(TdvfSectionType type);  // "BFV", "CFV", "TD_HOB", ...

inline constexpr uint32_t kTdvfMeasured = 1;  // attribute MR.EXTEND: contents are measured
inline constexpr uint32_t kTdvfPageAug =
    2;  // attribute PAGE.AUG: added after the start, unmeasured

struct TdvfSection {
  uint32_t data_offset = 0;  // in the image
  uint32_t data_size = 0;    // bytes there; 0 = none
  uint64_t address = 0;      // guest physical, whole pages
  uint64_t memory_size = 0;  // whole pages, at least data_size
  TdvfSectionType type = TdvfSectionType::kBfv;
  uint32_t attributes = 0;
  bool operator==(const TdvfSection&) const = default;
};

inline constexpr size_t kMaxTdvfSections = 64;
inline constexpr uint64_t kMaxTdvfMemory = 512 << 20;  // of all sections together

// In table order. kNotFound when the image carries no TDX metadata; kInvalidArgument naming the
// structure that is wrong: signature, version other than 1, more than kMaxTdvfSections, a length
// that does not fit them, data outside the image, addresses or sizes that are not whole pages,
// unknown types, unknown attributes, overlapping memory, more than kMaxTdvfMemory, or no BFV.
absl::StatusOr<std::vector<TdvfSection>> ParseTdvf(ByteView image);

}  // namespace nacre::tee::tdx
