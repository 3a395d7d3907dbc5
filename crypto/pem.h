// PEM (RFC 7468): DER between boundary lines. Text outside of blocks is passed over.
#pragma once

#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace nacre::crypto {

// The DER of 1 to `max_count` blocks, all with this label ("CERTIFICATE"); kInvalidArgument
// otherwise, and for text that is larger than so many blocks of `max_size` bytes can need.
absl::StatusOr<std::vector<Bytes>> PemBlocks(std::string_view pem, std::string_view label,
                                             size_t max_count, size_t max_size);
std::string ToPem(std::string_view label, ByteView der);

}  // namespace nacre::crypto
