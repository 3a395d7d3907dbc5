#include "crypto/aes_key_wrap.h"

#include "base/strings.h"
#include "crypto/openssl_util.h"

namespace nacre::crypto {
namespace {

constexpr size_t kMinKey = 16;
constexpr size_t kMaxKey = 128;
constexpr size_t kCheck = 8;  // the integrity check value

absl::StatusOr<const EVP_CIPHER*> WrapCipher(size_t key_size) {
  // Fetched once: EVP_aes_256_wrap() and its like are looked up among the providers at every use.
  static const EVP_CIPHER* const fetched[] = {EVP_CIPHER_fetch(nullptr, "AES-128-WRAP", nullptr),
                                              EVP_CIPHER_fetch(nullptr, "AES-192-WRAP", nullptr),
                                              EVP_CIPHER_fetch(nullptr, "AES-256-WRAP", nullptr)};
  switch (key_size) {
    case 16:
      return fetched[0];
    case 24:
      return fetched[1];
    case 32:
      return fetched[2];
    default:
      return absl::InvalidArgumentError(
          StrCat("AES key wrap: wrapping key of ", key_size, " bytes"));
  }
}

absl::StatusOr<CipherPtr> Start(ByteView wrapping_key, bool wrap) {
  ASSIGN_OR_RETURN(const EVP_CIPHER* cipher, WrapCipher(wrapping_key.size()));
  CipherPtr context(EVP_CIPHER_CTX_new());
  Must(cipher != nullptr && context != nullptr, "EVP_CIPHER_CTX_new");
  EVP_CIPHER_CTX_set_flags(context.get(), EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
  Must(EVP_CipherInit_ex2(context.get(), cipher, wrapping_key.data(), nullptr, wrap ? 1 : 0,
                          nullptr) == 1,
       "AES key wrap");
  return context;
}

}  // namespace

absl::StatusOr<Bytes> AesKeyWrap(ByteView wrapping_key, ByteView key) {
  if (key.size() % 8 != 0 || key.size() < kMinKey || key.size() > kMaxKey) {
    return absl::InvalidArgumentError(StrCat("AES key wrap: key of ", key.size(), " bytes"));
  }
  ASSIGN_OR_RETURN(CipherPtr context, Start(wrapping_key, true));
  Bytes out(key.size() + 2 * kCheck);
  int size = 0;
  Must(EVP_CipherUpdate(context.get(), out.data(), &size, key.data(),
                        static_cast<int>(key.size())) == 1,
       "AES key wrap update");
  out.resize(static_cast<size_t>(size));
  return out;
}

absl::StatusOr<SecretBytes> AesKeyUnwrap(ByteView wrapping_key, ByteView wrapped) {
  if (wrapped.size() % 8 != 0 || wrapped.size() < kMinKey + kCheck ||
      wrapped.size() > kMaxKey + kCheck) {
    return absl::InvalidArgumentError(
        StrCat("AES key wrap: wrapped key of ", wrapped.size(), " bytes"));
  }
  ASSIGN_OR_RETURN(CipherPtr context, Start(wrapping_key, false));
  SecretBytes room(wrapped.size() + kCheck);
  int size = 0;
  if (EVP_CipherUpdate(context.get(), room.mutable_view().data(), &size, wrapped.data(),
                       static_cast<int>(wrapped.size())) != 1) {
    return OpensslStatus(absl::StatusCode::kUnauthenticated, "AES key wrap: does not authenticate");
  }
  return SecretBytes::CopyOf(room.view().first(static_cast<size_t>(size)));
}

}  // namespace nacre::crypto
