// The TD HOB list: what QEMU tells a TD's firmware about memory. The firmware measures it into
// RTMR0 first of all, so the guest's memory size is part of RTMR0.
#pragma once

#include "base/bytes.h"
#include "tee/tdx/tdvf.h"

namespace nacre::tee::tdx {

// Guest memory from which QEMU's q35 machine puts all but 2 GiB above 4 GiB.
inline constexpr uint64_t kSplitThreshold = 0xb0000000;
inline constexpr uint64_t kLowMemoryWhenSplit = 0x80000000;
inline constexpr uint64_t kMaxGuestMemory = uint64_t{1} << 46;

// Bytes of guest memory below 4 GiB, as q35 places them.
uint64_t MemoryBelow4G(uint64_t memory_bytes);

// The list as QEMU (hw/i386/tdvf-hob) writes it: PI specification volume 3, a PHIT HOB, one
// resource descriptor a range (accepted for TD_HOB and TEMP_MEM, unaccepted for the rest), and the
// end. Returned without the end-of-list HOB, which the firmware does not measure. kInvalidArgument:
// no TD_HOB section, or memory that is not whole pages, beyond kMaxGuestMemory, or too little to
// hold the sections.
absl::StatusOr<Bytes> BuildTdHob(const std::vector<TdvfSection>& sections, uint64_t memory_bytes);

}  // namespace nacre::tee::tdx
