// HMAC-SHA-256 (RFC 2104, FIPS 198-1) of data that comes in pieces.
#pragma once

#include <memory>

#include "base/bytes.h"

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

}  // namespace nacre::crypto
