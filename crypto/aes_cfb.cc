#include "crypto/aes_cfb.h"

#include "base/strings.h"
#include "crypto/openssl_util.h"

namespace nacre::crypto {
namespace {

constexpr size_t kMaxInput = 1 << 20;  // OpenSSL counts in int; credentials are a few dozen bytes

absl::Status Run(ByteView key, ByteView iv, ByteView in, std::span<uint8_t> out, bool encrypt) {
  const EVP_CIPHER* cipher = key.size() == 16   ? EVP_aes_128_cfb128()
                             : key.size() == 24 ? EVP_aes_192_cfb128()
                             : key.size() == 32 ? EVP_aes_256_cfb128()
                                                : nullptr;
  if (cipher == nullptr || iv.size() != 16 || in.size() > kMaxInput) {
    return absl::InvalidArgumentError(StrCat("AES-CFB: key of ", key.size(), ", iv of ", iv.size(),
                                             ", text of ", in.size(), " bytes"));
  }
  CipherPtr context(EVP_CIPHER_CTX_new());
  int size = 0;
  Must(context &&
           EVP_CipherInit_ex2(context.get(), cipher, key.data(), iv.data(), encrypt ? 1 : 0,
                              nullptr) == 1 &&
           EVP_CipherUpdate(context.get(), out.data(), &size, in.data(),
                            static_cast<int>(in.size())) == 1,
       "AES-CFB");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Bytes> AesCfbEncrypt(ByteView key, ByteView iv, ByteView plaintext) {
  Bytes out(plaintext.size());
  RETURN_IF_ERROR(Run(key, iv, plaintext, out, true));
  return out;
}

absl::StatusOr<SecretBytes> AesCfbDecrypt(ByteView key, ByteView iv, ByteView ciphertext) {
  SecretBytes out(ciphertext.size());
  RETURN_IF_ERROR(Run(key, iv, ciphertext, out.mutable_view(), false));
  return out;
}

}  // namespace nacre::crypto
