// AES-256 in counter mode (NIST SP 800-38A) over a stream. Gives secrecy only: the caller must
// authenticate the ciphertext (crypto/hmac.h) before it trusts the plaintext.
#pragma once

#include <memory>
#include <span>

#include "base/bytes.h"

typedef struct evp_cipher_ctx_st EVP_CIPHER_CTX;

namespace nacre::crypto {

// One thread at a time; movable. Encrypting and decrypting are the same operation.
class Aes256Ctr {
 public:
  // `key` 32 bytes, `iv` the 16-byte first counter block (big-endian, counts all 128 bits);
  // kInvalidArgument otherwise.
  static absl::StatusOr<Aes256Ctr> Create(ByteView key, ByteView iv);
  Aes256Ctr(Aes256Ctr&&) noexcept;
  Aes256Ctr& operator=(Aes256Ctr&&) noexcept;
  ~Aes256Ctr();

  // The next in.size() bytes of the stream into `out`, which has the same size
  // (kInvalidArgument) and may be the same memory.
  absl::Status Update(ByteView in, std::span<uint8_t> out);

 private:
  struct Free {
    void operator()(EVP_CIPHER_CTX* context) const;
  };
  explicit Aes256Ctr(EVP_CIPHER_CTX* context) : context_(context) {}
  std::unique_ptr<EVP_CIPHER_CTX, Free> context_;
};

}  // namespace nacre::crypto
