#include "crypto/hmac.h"

#include <openssl/core_names.h>

#include "crypto/openssl_util.h"

namespace nacre::crypto {
namespace {

EVP_MAC* HmacMethod() {
  static EVP_MAC* method = EVP_MAC_fetch(nullptr, OSSL_MAC_NAME_HMAC, nullptr);
  Must(method != nullptr, "EVP_MAC_fetch");
  return method;
}

}  // namespace

void HmacSha256::Free::operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }

HmacSha256::HmacSha256(ByteView key) : context_(EVP_MAC_CTX_new(HmacMethod())) {
  char digest[] = "SHA256";
  OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                         OSSL_PARAM_construct_end()};
  // A null key would mean "keep the old key".
  const uint8_t empty = 0;
  Must(context_ &&
           EVP_MAC_init(context_.get(), key.empty() ? &empty : key.data(), key.size(), params) == 1,
       "EVP_MAC_init");
}
HmacSha256::HmacSha256(HmacSha256&&) noexcept = default;
HmacSha256& HmacSha256::operator=(HmacSha256&&) noexcept = default;
HmacSha256::~HmacSha256() = default;

void HmacSha256::Update(ByteView data) {
  Must(EVP_MAC_update(context_.get(), data.data(), data.size()) == 1, "EVP_MAC_update");
}

Bytes HmacSha256::Finish() {
  Bytes out(32);
  size_t size = 0;
  Must(EVP_MAC_final(context_.get(), out.data(), &size, out.size()) == 1 && size == out.size() &&
           EVP_MAC_init(context_.get(), nullptr, 0, nullptr) == 1,
       "EVP_MAC_final");
  return out;
}

Bytes Hmac(HashAlgorithm algorithm, ByteView key, ByteView data) {
  Bytes out(DigestSize(algorithm));
  size_t size = 0;
  // A null key would mean "the last one"; an empty one is a key like others.
  const uint8_t empty = 0;
  Must(EVP_Q_mac(nullptr, "HMAC", nullptr, std::string(HashName(algorithm)).c_str(), nullptr,
                 key.empty() ? &empty : key.data(), key.size(), data.data(), data.size(),
                 out.data(), out.size(), &size) != nullptr &&
           size == out.size(),
       "HMAC");
  return out;
}

}  // namespace nacre::crypto
