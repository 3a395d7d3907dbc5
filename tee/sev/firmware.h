// What a launch digest needs to know of a guest firmware image: the table of GUIDed structures that
// ends 0x20 bytes before its end (edk2 OvmfPkg/ResetVector), and the SEV metadata it points to.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "tee/common/firmware_table.h"
#include "tee/common/measurement.h"

namespace nacre::tee::sev {

inline constexpr size_t kMaxMetadataSections = 256;

// Section types of SEV metadata.
inline constexpr uint32_t kSectionMemory = 1;
inline constexpr uint32_t kSectionSecrets = 2;
inline constexpr uint32_t kSectionCpuid = 3;
inline constexpr uint32_t kSectionSvsmCaa = 4;
inline constexpr uint32_t kSectionKernelHashes = 0x10;

struct FirmwareLayout {
  std::vector<FirmwareSection> sections;   // in table order
  std::optional<uint32_t> hash_table_gpa;  // SEV hash table
  std::optional<uint32_t> reset_eip;       // SEV-ES reset block
};

// kInvalidArgument or kOutOfRange, class FORMAT, naming the structure that does not fit. An image
// without a GUID table gives an empty layout.
absl::StatusOr<FirmwareLayout> ParseFirmware(ByteView image);

}  // namespace nacre::tee::sev
