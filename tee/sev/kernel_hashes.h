// The table of kernel, initrd and command line hashes that QEMU places in guest memory and firmware
// checks ("kernel-hashes=on"), bound into the launch measurement.
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "tee/common/measurement.h"

namespace nacre::tee::sev {

// SHA-256 of the text and its trailing NUL.
Bytes CommandLineHash(std::string_view command_line);

// The 176-byte table. kInvalidArgument when a hash is not 32 bytes.
absl::StatusOr<Bytes> BuildHashTable(const KernelHashes& hashes);

// A page of zeros with the table at the page offset of `table_gpa`. kInvalidArgument when it would
// cross the end of the page.
absl::StatusOr<Bytes> BuildHashPage(const KernelHashes& hashes, uint32_t table_gpa);

}  // namespace nacre::tee::sev
