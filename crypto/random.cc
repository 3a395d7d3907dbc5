#include "crypto/random.h"

#include <openssl/rand.h>

#include "crypto/openssl_util.h"

namespace nacre::crypto {

Bytes RandomBytes(size_t size) {
  Bytes out(size);
  Must(RAND_bytes_ex(nullptr, out.data(), out.size(), 0) == 1, "RAND_bytes_ex");
  return out;
}

SecretBytes RandomSecret(size_t size) {
  SecretBytes out(size);
  Must(RAND_priv_bytes_ex(nullptr, out.mutable_view().data(), out.size(), 0) == 1,
       "RAND_priv_bytes_ex");
  return out;
}

}  // namespace nacre::crypto
