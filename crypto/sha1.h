// SHA-1 (FIPS 180-4), for formats that name things by it or keep it beside better digests: the
// SHA-1 banks of TPMs and their event logs. Collisions are known: nothing may be trusted for it
// alone, which is why it is not one of crypto/digest.h.
#pragma once

#include "base/bytes.h"

namespace nacre::crypto {

inline constexpr size_t kSha1Size = 20;

Bytes Sha1(ByteView data);

}  // namespace nacre::crypto
