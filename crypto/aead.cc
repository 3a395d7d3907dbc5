#include "crypto/aead.h"

#include <climits>

#include "base/strings.h"
#include "crypto/openssl_util.h"

namespace nacre::crypto {
namespace {

// Fetched once: EVP_aes_256_gcm() and its like are looked up among the providers at every use.
const EVP_CIPHER* Fetch(const char* name) {
  const EVP_CIPHER* cipher = EVP_CIPHER_fetch(nullptr, name, nullptr);
  Must(cipher != nullptr, "EVP_CIPHER_fetch");
  return cipher;
}

const EVP_CIPHER* CipherOf(size_t key_size) {
  static const EVP_CIPHER* const fetched[] = {Fetch("AES-128-GCM"), Fetch("AES-192-GCM"),
                                              Fetch("AES-256-GCM")};
  switch (key_size) {
    case kAes128KeySize:
      return fetched[0];
    case kAes192KeySize:
      return fetched[1];
    case kAes256KeySize:
      return fetched[2];
    default:
      return nullptr;
  }
}

absl::Status Check256(ByteView key) {
  if (key.size() == kAes256KeySize) return absl::OkStatus();
  return absl::InvalidArgumentError(
      StrCat("AES-256-GCM: key of ", key.size(), " bytes, must be ", kAes256KeySize));
}

absl::Status CheckSizes(ByteView key, ByteView iv, ByteView aad, ByteView data) {
  if (CipherOf(key.size()) == nullptr) {
    return absl::InvalidArgumentError(StrCat("AES-GCM: key of ", key.size(), " bytes"));
  }
  if (iv.size() != kGcmIvSize) {
    return absl::InvalidArgumentError(
        StrCat("AES-GCM: iv of ", iv.size(), " bytes, must be ", kGcmIvSize));
  }
  if (aad.size() > INT_MAX || data.size() > INT_MAX) {
    return absl::InvalidArgumentError("AES-GCM: message too large for one call");
  }
  return absl::OkStatus();
}

int Size(ByteView data) { return static_cast<int>(data.size()); }

}  // namespace

absl::StatusOr<Bytes> AesGcmSeal(ByteView key, ByteView iv, ByteView aad, ByteView plaintext) {
  RETURN_IF_ERROR(CheckSizes(key, iv, aad, plaintext));
  CipherPtr context(EVP_CIPHER_CTX_new());
  EVP_CIPHER_CTX* c = context.get();
  Bytes out(plaintext.size() + kGcmTagSize);
  int size = 0;
  Must(c != nullptr &&
           EVP_EncryptInit_ex2(c, CipherOf(key.size()), key.data(), iv.data(), nullptr) == 1,
       "AES-GCM");
  Must(aad.empty() || EVP_EncryptUpdate(c, nullptr, &size, aad.data(), Size(aad)) == 1,
       "AES-GCM aad");
  Must(plaintext.empty() ||
           EVP_EncryptUpdate(c, out.data(), &size, plaintext.data(), Size(plaintext)) == 1,
       "AES-GCM update");
  uint8_t* tag = out.data() + plaintext.size();
  Must(EVP_EncryptFinal_ex(c, tag, &size) == 1 &&
           EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, kGcmTagSize, tag) == 1,
       "AES-GCM tag");
  return out;
}

absl::StatusOr<SecretBytes> AesGcmOpen(ByteView key, ByteView iv, ByteView aad,
                                       ByteView ciphertext_and_tag) {
  RETURN_IF_ERROR(CheckSizes(key, iv, aad, ciphertext_and_tag));
  if (ciphertext_and_tag.size() < kGcmTagSize) {
    return absl::UnauthenticatedError("AES-GCM: shorter than its tag");
  }
  ByteView ciphertext = ciphertext_and_tag.first(ciphertext_and_tag.size() - kGcmTagSize);
  Bytes tag = ToBytes(ciphertext_and_tag.last(kGcmTagSize));
  CipherPtr context(EVP_CIPHER_CTX_new());
  EVP_CIPHER_CTX* c = context.get();
  SecretBytes out(ciphertext.size());
  int size = 0;
  Must(c != nullptr &&
           EVP_DecryptInit_ex2(c, CipherOf(key.size()), key.data(), iv.data(), nullptr) == 1,
       "AES-GCM");
  Must(aad.empty() || EVP_DecryptUpdate(c, nullptr, &size, aad.data(), Size(aad)) == 1,
       "AES-GCM aad");
  Must(ciphertext.empty() || EVP_DecryptUpdate(c, out.mutable_view().data(), &size,
                                               ciphertext.data(), Size(ciphertext)) == 1,
       "AES-GCM update");
  Must(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, kGcmTagSize, tag.data()) == 1, "AES-GCM tag");
  uint8_t nothing[1];
  if (EVP_DecryptFinal_ex(c, nothing, &size) != 1) {
    return OpensslStatus(absl::StatusCode::kUnauthenticated, "AES-GCM: does not authenticate");
  }
  return out;
}

absl::StatusOr<Bytes> Aes256GcmSeal(ByteView key, ByteView iv, ByteView aad, ByteView plaintext) {
  RETURN_IF_ERROR(Check256(key));
  return AesGcmSeal(key, iv, aad, plaintext);
}

absl::StatusOr<SecretBytes> Aes256GcmOpen(ByteView key, ByteView iv, ByteView aad,
                                          ByteView ciphertext_and_tag) {
  RETURN_IF_ERROR(Check256(key));
  return AesGcmOpen(key, iv, aad, ciphertext_and_tag);
}

}  // namespace nacre::crypto
