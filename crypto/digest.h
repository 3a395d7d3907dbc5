// SHA-2 digests (FIPS 180-4).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"

typedef struct evp_md_ctx_st EVP_MD_CTX;
typedef struct evp_md_st EVP_MD;

namespace nacre::crypto {

enum class HashAlgorithm { kSha256, kSha384, kSha512 };

size_t DigestSize(HashAlgorithm algorithm);            // 32, 48 or 64
std::string_view HashName(HashAlgorithm algorithm);    // "sha256", "sha384", "sha512"
const EVP_MD* OpensslDigest(HashAlgorithm algorithm);  // for this room

// The digest of all of `data`, DigestSize() bytes.
Bytes Digest(HashAlgorithm algorithm, ByteView data);

// "sha256:" and 64 lower-case hex digits: the OCI image-spec form of a descriptor's digest.
std::string OciDigest(ByteView data);

// The digest of data that comes in pieces. One thread at a time; movable.
class Hasher {
 public:
  explicit Hasher(HashAlgorithm algorithm);
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;
  ~Hasher();
  void Update(ByteView data);
  // The digest of everything so far. The hasher is then empty and may be used again.
  Bytes Finish();

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const;
  };
  HashAlgorithm algorithm_;
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

}  // namespace nacre::crypto
