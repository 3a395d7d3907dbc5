// HMAC (RFC 2104, FIPS 198-1): with SHA-256 of data that comes in pieces, and at once.
#pragma once

#include <memory>

#include "base/bytes.h"
#include "crypto/digest.h"

typedef struct evp_mac_ctx_st EVP_MAC_CTX;

namespace nacre::crypto {

// One thread at a time; movable. Compare results with ConstantTimeEqual (base/bytes.h).
class HmacSha256 {
 public:
  // A key of any length; 32 random bytes are the natural one.
  explicit HmacSha256(ByteView key);
  HmacSha256(HmacSha256&&) noexcept;
  HmacSha256& operator=(HmacSha256&&) noexcept;
  ~HmacSha256();
  void Update(ByteView data);
  // The 32-byte MAC of everything so far. The object is then empty, with the same key.
  Bytes Finish();

 private:
  struct Free {
    void operator()(EVP_MAC_CTX* context) const;
  };
  std::unique_ptr<EVP_MAC_CTX, Free> context_;
};

// The MAC of all of `data`, DigestSize(algorithm) bytes.
Bytes Hmac(HashAlgorithm algorithm, ByteView key, ByteView data);

}  // namespace nacre::crypto
