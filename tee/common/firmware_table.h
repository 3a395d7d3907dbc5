// The table of GUIDed structures that ends 0x20 bytes before the end of an OVMF-family firmware
// image (edk2 OvmfPkg/ResetVector): how SEV and TDX metadata are found.
#pragma once

#include <vector>

#include "base/bytes.h"
#include "tee/common/guid.h"

namespace nacre::tee {

inline constexpr size_t kMaxFirmware = 64 << 20;

struct FirmwareTableEntry {
  Guid guid{};
  ByteView data;  // views the image
};

// The entries, last one in the image first. An image without a table gives none. kInvalidArgument:
// larger than kMaxFirmware, or an entry or the table does not fit.
absl::StatusOr<std::vector<FirmwareTableEntry>> ReadFirmwareTable(ByteView image);

}  // namespace nacre::tee
