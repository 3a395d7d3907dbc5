// OpenPGP public keys as policies carry them: binary, or ASCII armour (RFC 9580 section 6.2).
#pragma once

#include "base/bytes.h"
#include "base/status.h"

namespace nacre::image {

// The binary form. kInvalidArgument for armour that is broken (its CRC-24 is checked when it is
// there) or of another kind than a public key block, and for binary data that does not begin with a
// public-key packet.
absl::StatusOr<Bytes> ReadKeyring(ByteView text);

}  // namespace nacre::image
