#include "crypto/digest.h"

#include "base/encoding.h"
#include "crypto/openssl_util.h"

namespace nacre::crypto {

size_t DigestSize(HashAlgorithm algorithm) {
  switch (algorithm) {
    case HashAlgorithm::kSha256:
      return 32;
    case HashAlgorithm::kSha384:
      return 48;
    case HashAlgorithm::kSha512:
      return 64;
  }
  return 0;
}

std::string_view HashName(HashAlgorithm algorithm) {
  switch (algorithm) {
    case HashAlgorithm::kSha256:
      return "sha256";
    case HashAlgorithm::kSha384:
      return "sha384";
    case HashAlgorithm::kSha512:
      return "sha512";
  }
  return "";
}

// Fetched once: EVP_sha256() and its like are looked up among the providers at every use.
const EVP_MD* OpensslDigest(HashAlgorithm algorithm) {
  static const EVP_MD* const fetched[] = {EVP_MD_fetch(nullptr, "SHA256", nullptr),
                                          EVP_MD_fetch(nullptr, "SHA384", nullptr),
                                          EVP_MD_fetch(nullptr, "SHA512", nullptr)};
  const EVP_MD* out = fetched[static_cast<int>(algorithm)];
  Must(out != nullptr, "EVP_MD_fetch");
  return out;
}

Bytes Digest(HashAlgorithm algorithm, ByteView data) {
  Bytes out(DigestSize(algorithm));
  unsigned size = 0;
  Must(EVP_Digest(data.data(), data.size(), out.data(), &size, OpensslDigest(algorithm), nullptr) ==
           1,
       "EVP_Digest");
  return out;
}

std::string OciDigest(ByteView data) {
  return "sha256:" + HexEncode(Digest(HashAlgorithm::kSha256, data));
}

void Hasher::Free::operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }

Hasher::Hasher(HashAlgorithm algorithm) : algorithm_(algorithm), context_(EVP_MD_CTX_new()) {
  Must(context_ && EVP_DigestInit_ex(context_.get(), OpensslDigest(algorithm), nullptr) == 1,
       "EVP_DigestInit_ex");
}
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;
Hasher::~Hasher() = default;

void Hasher::Update(ByteView data) {
  Must(EVP_DigestUpdate(context_.get(), data.data(), data.size()) == 1, "EVP_DigestUpdate");
}

Bytes Hasher::Finish() {
  Bytes out(DigestSize(algorithm_));
  unsigned size = 0;
  Must(EVP_DigestFinal_ex(context_.get(), out.data(), &size) == 1 &&
           EVP_DigestInit_ex(context_.get(), OpensslDigest(algorithm_), nullptr) == 1,
       "EVP_DigestFinal_ex");
  return out;
}

}  // namespace nacre::crypto
