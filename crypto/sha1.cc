#include "crypto/sha1.h"

#include "crypto/openssl_util.h"

namespace nacre::crypto {

Bytes Sha1(ByteView data) {
  Bytes out(kSha1Size);
  Must(EVP_Digest(data.data(), data.size(), out.data(), nullptr, EVP_sha1(), nullptr) == 1,
       "SHA-1");
  return out;
}

}  // namespace nacre::crypto
