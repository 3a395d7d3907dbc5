// The smallest guest that proves an accelerator works: an initrd whose init says one line.
#pragma once

#include <string_view>

#include "base/bytes.h"

namespace nacre::runtime {

// What the init writes to its console.
inline constexpr std::string_view kProbeMarker = "nacre-probe-alive";

// A cpio archive ("newc") holding /init, a static x86-64 program of one segment that writes the
// marker to descriptor 1 and exits. Its exit makes the kernel panic, which ends the VM.
Bytes ProbeInitrd();
// The program alone.
Bytes ProbeInit();

}  // namespace nacre::runtime
