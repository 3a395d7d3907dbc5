// What a direct kernel boot does to a bzImage on its way into a guest (Linux x86 boot protocol,
// Documentation/arch/x86/boot.rst): QEMU fills in the boot loader's fields of the setup header, and
// the firmware then measures the image as changed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace nacre::tee::tdx {

struct KernelVersion {
  uint32_t major = 0;
  uint32_t minor = 0;
  auto operator<=>(const KernelVersion&) const = default;
};

// "6.1.0-18-cloud-amd64 ..." as the image says of itself; nullopt when it does not.
std::optional<KernelVersion> ReadKernelVersion(ByteView kernel);

// QEMU's x86_load_linux for a pc or q35 machine with `memory_bytes` of memory and an initrd of
// `initrd_size` bytes (0 = none). kInvalidArgument: not a bzImage of protocol 2.02 or later, an
// initrd that does not fit, or a command line with "vga=" (QEMU writes that into the header too).
absl::StatusOr<Bytes> PatchSetupHeader(ByteView kernel, uint64_t initrd_size,
                                       std::string_view command_line, uint64_t memory_bytes);

}  // namespace nacre::tee::tdx
