#include "crypto/aead.h"

#include <climits>

#include "base/strings.h"
#include "crypto/openssl_util.h"

namespace nacre::crypto {
namespace {

absl::Status CheckSizes(ByteView key, ByteView iv, ByteView aad, ByteView data) {
  if (key.size() != kAes256KeySize) {
    return absl::InvalidArgumentError(
        StrCat("AES-256-GCM: key of ", key.size(), " bytes, must be ", kAes256KeySize));
  }
  if (iv.size() != kGcmIvSize) {
    return absl::InvalidArgumentError(
        StrCat("AES-256-GCM: iv of ", iv.size(), " bytes, must be ", kGcmIvSize));
  }
  if (aad.size() > INT_MAX || data.size() > INT_MAX) {
    return absl::InvalidArgumentError("AES-256-GCM: message too large for one call");
  }
  return absl::OkStatus();
}

int Size(ByteView data) { return static_cast<int>(data.size()); }

}  // namespace

absl::StatusOr<Bytes> Aes256GcmSeal(ByteView key, ByteView iv, ByteView aad, ByteView plaintext) {
  RETURN_IF_ERROR(CheckSizes(key, iv, aad, plaintext));
  CipherPtr context(EVP_CIPHER_CTX_new());
  EVP_CIPHER_CTX* c = context.get();
  Bytes out(plaintext.size() + kGcmTagSize);
  int size = 0;
  Must(c != nullptr &&
           EVP_EncryptInit_ex2(c, EVP_aes_256_gcm(), key.data(), iv.data(), nullptr) == 1,
       "AES-256-GCM");
  Must(aad.empty() || EVP_EncryptUpdate(c, nullptr, &size, aad.data(), Size(aad)) == 1,
       "AES-256-GCM aad");
  Must(plaintext.empty() ||
           EVP_EncryptUpdate(c, out.data(), &size, plaintext.data(), Size(plaintext)) == 1,
       "AES-256-GCM update");
  uint8_t* tag = out.data() + plaintext.size();
  Must(EVP_EncryptFinal_ex(c, tag, &size) == 1 &&
           EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, kGcmTagSize, tag) == 1,
       "AES-256-GCM tag");
  return out;
}

absl::StatusOr<SecretBytes> Aes256GcmOpen(ByteView key, ByteView iv, ByteView aad,
                                          ByteView ciphertext_and_tag) {
  RETURN_IF_ERROR(CheckSizes(key, iv, aad, ciphertext_and_tag));
  if (ciphertext_and_tag.size() < kGcmTagSize) {
    return absl::UnauthenticatedError("AES-256-GCM: shorter than its tag");
  }
  ByteView ciphertext = ciphertext_and_tag.first(ciphertext_and_tag.size() - kGcmTagSize);
  Bytes tag = ToBytes(ciphertext_and_tag.last(kGcmTagSize));
  CipherPtr context(EVP_CIPHER_CTX_new());
  EVP_CIPHER_CTX* c = context.get();
  SecretBytes out(ciphertext.size());
  int size = 0;
  Must(c != nullptr &&
           EVP_DecryptInit_ex2(c, EVP_aes_256_gcm(), key.data(), iv.data(), nullptr) == 1,
       "AES-256-GCM");
  Must(aad.empty() || EVP_DecryptUpdate(c, nullptr, &size, aad.data(), Size(aad)) == 1,
       "AES-256-GCM aad");
  Must(ciphertext.empty() || EVP_DecryptUpdate(c, out.mutable_view().data(), &size,
                                               ciphertext.data(), Size(ciphertext)) == 1,
       "AES-256-GCM update");
  Must(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, kGcmTagSize, tag.data()) == 1,
       "AES-256-GCM tag");
  uint8_t nothing[1];
  if (EVP_DecryptFinal_ex(c, nothing, &size) != 1) {
    return OpensslStatus(absl::StatusCode::kUnauthenticated, "AES-256-GCM: does not authenticate");
  }
  return out;
}

}  // namespace nacre::crypto
