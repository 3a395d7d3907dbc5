#include "crypto/rsa_pkcs1.h"

#include <openssl/rsa.h>

#include "crypto/openssl_util.h"

namespace nacre::crypto {

absl::StatusOr<Bytes> EncryptRsaPkcs1(const PublicKey& recipient, ByteView plaintext) {
  if (recipient.kind() != KeyKind::kRsa) {
    return absl::InvalidArgumentError("RSAES-PKCS1-v1_5: not an RSA key");
  }
  ASSIGN_OR_RETURN(const Bytes spki, recipient.ToSpkiDer());
  const unsigned char* at = spki.data();
  const PkeyPtr key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
  Must(key != nullptr, "reading a public key again");
  const PkeyCtxPtr context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  Bytes out(static_cast<size_t>(EVP_PKEY_get_size(key.get())));
  size_t size = out.size();
  if (!context || EVP_PKEY_encrypt_init(context.get()) != 1 ||
      EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) != 1 ||
      EVP_PKEY_encrypt(context.get(), out.data(), &size, plaintext.data(), plaintext.size()) != 1) {
    return OpensslStatus(absl::StatusCode::kInvalidArgument, "RSAES-PKCS1-v1_5: encrypting");
  }
  out.resize(size);
  return out;
}

}  // namespace nacre::crypto
