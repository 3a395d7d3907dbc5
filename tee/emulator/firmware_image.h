// A stand-in guest firmware image, 64 KiB: what the launch measurement of an emulated guest names
// as its firmware. It has everything a measurement reads (GUID table, SEV metadata with a
// kernel-hashes section, hash table address, SEV-ES reset block) and no code but a halt at the
// reset vector.
//
// Under emulation it is measured and it is not what runs: QEMU boots the kernel with its own
// firmware, since no packaged one both runs without SEV and carries a kernel-hashes section.
#pragma once

#include "base/bytes.h"

namespace nacre::tee::emulator {

inline constexpr size_t kStandInFirmwareSize = 64 * 1024;

// The same bytes every time.
Bytes BuildStandInFirmware();

}  // namespace nacre::tee::emulator
