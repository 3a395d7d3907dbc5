// Unpredictable bytes from the system's generator. A generator that fails ends the program: there
// is no safe way on.
#pragma once

#include "base/bytes.h"
#include "base/secret_bytes.h"

namespace nacre::crypto {

Bytes RandomBytes(size_t size);         // nonces, identifiers, initialisation vectors
SecretBytes RandomSecret(size_t size);  // keys; from the generator kept for private values

}  // namespace nacre::crypto
