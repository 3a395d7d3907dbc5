#include <openssl/pem.h>

#include "base/strings.h"
#include "crypto/key_internal.h"

namespace nacre::crypto {
namespace {

// ECDSA signatures are DER in OpenSSL and raw here.
absl::StatusOr<Bytes> DerToRaw(ByteView der, size_t width) {
  const uint8_t* cursor = der.data();
  EcdsaSigPtr signature(d2i_ECDSA_SIG(nullptr, &cursor, static_cast<long>(der.size())));
  if (!signature) return OpensslStatus(absl::StatusCode::kInternal, "ECDSA: signature encoding");
  Bytes raw(2 * width);
  int half = static_cast<int>(width);
  if (BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), raw.data(), half) < 0 ||
      BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), raw.data() + width, half) < 0) {
    return OpensslStatus(absl::StatusCode::kInternal, "ECDSA: signature size");
  }
  return raw;
}

absl::StatusOr<Bytes> Sign(EVP_PKEY* key, HashAlgorithm hash, ByteView message, Padding padding) {
  MdCtxPtr context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* key_context = nullptr;
  size_t size = 0;
  if (!context ||
      EVP_DigestSignInit(context.get(), &key_context, OpensslDigest(hash), nullptr, key) != 1 ||
      !SetPadding(key_context, OpensslDigest(hash), padding) ||
      EVP_DigestSign(context.get(), nullptr, &size, message.data(), message.size()) != 1) {
    return OpensslStatus(absl::StatusCode::kInternal, "signing");
  }
  Bytes out(size);
  if (EVP_DigestSign(context.get(), out.data(), &size, message.data(), message.size()) != 1) {
    return OpensslStatus(absl::StatusCode::kInternal, "signing");
  }
  out.resize(size);
  return out;
}

}  // namespace

absl::StatusOr<PrivateKey> PrivateKey::Adopt(EVP_PKEY* key) {
  if (key == nullptr) return absl::InvalidArgumentError("key: none");
  std::shared_ptr<EVP_PKEY> owned(key, EVP_PKEY_free);
  RETURN_IF_ERROR(CheckKey(key));
  // The public half is a key of its own, so that copies of it do not keep the secret alive. Copied
  // by its numbers: by way of DER, OpenSSL would set up all its encoders and decoders first.
  OSSL_PARAM* numbers = nullptr;
  if (EVP_PKEY_todata(key, EVP_PKEY_PUBLIC_KEY, &numbers) != 1) {
    return OpensslStatus(absl::StatusCode::kInvalidArgument, "key: no public part");
  }
  const std::unique_ptr<OSSL_PARAM, decltype(&OSSL_PARAM_free)> release(numbers, OSSL_PARAM_free);
  PkeyCtxPtr context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  EVP_PKEY* copy = nullptr;
  if (!context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &copy, EVP_PKEY_PUBLIC_KEY, numbers) != 1) {
    return OpensslStatus(absl::StatusCode::kInvalidArgument, "key: no public part");
  }
  ASSIGN_OR_RETURN(PublicKey public_key, PublicKey::Adopt(copy));
  return PrivateKey(std::move(owned), std::move(public_key));
}

absl::StatusOr<PrivateKey> PrivateKey::GenerateEc(Curve curve) {
  EVP_PKEY* key = EVP_EC_gen(OpensslCurveName(curve));
  if (key == nullptr) return OpensslStatus(absl::StatusCode::kInternal, "key: generating EC");
  return Adopt(key);
}

absl::StatusOr<PrivateKey> PrivateKey::GenerateRsa(int bits) {
  if (bits < kMinRsaBits || bits > kMaxRsaBits) {
    return absl::InvalidArgumentError(
        StrCat("key: RSA of ", bits, " bits, must be from ", kMinRsaBits, " to ", kMaxRsaBits));
  }
  EVP_PKEY* key = EVP_RSA_gen(static_cast<unsigned>(bits));
  if (key == nullptr) return OpensslStatus(absl::StatusCode::kInternal, "key: generating RSA");
  return Adopt(key);
}

absl::StatusOr<PrivateKey> PrivateKey::FromPem(ByteView pem) {
  BioPtr bio = pem.size() > kMaxEncodedKey ? nullptr : MemoryBio(pem);
  if (!bio) return absl::InvalidArgumentError("private key: PEM too large");
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassPhrase, nullptr);
  if (key == nullptr) return OpensslStatus(absl::StatusCode::kInvalidArgument, "private key: PEM");
  return Adopt(key);
}

absl::StatusOr<SecretBytes> PrivateKey::ToPem() const {
  BioPtr bio(BIO_new(BIO_s_secmem()));
  if (!bio || PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr,
                                            nullptr) != 1) {
    return OpensslStatus(absl::StatusCode::kInternal, "private key: writing PEM");
  }
  return SecretBytes::CopyOf(BioContents(bio.get()));
}

absl::StatusOr<Bytes> PrivateKey::SignEcdsa(HashAlgorithm hash, ByteView message) const {
  ASSIGN_OR_RETURN(Curve curve, public_key_.curve());
  ASSIGN_OR_RETURN(Bytes der, Sign(key_.get(), hash, message, Padding::kNone));
  return DerToRaw(der, CoordinateSize(curve));
}

absl::StatusOr<Bytes> PrivateKey::SignRsaPss(HashAlgorithm hash, ByteView message) const {
  RETURN_IF_ERROR(CheckKind(key_.get(), EVP_PKEY_RSA, "an RSA key"));
  return Sign(key_.get(), hash, message, Padding::kPss);
}

absl::StatusOr<Bytes> PrivateKey::SignRsaPkcs1(HashAlgorithm hash, ByteView message) const {
  RETURN_IF_ERROR(CheckKind(key_.get(), EVP_PKEY_RSA, "an RSA key"));
  return Sign(key_.get(), hash, message, Padding::kPkcs1);
}

absl::StatusOr<SecretBytes> PrivateKey::Ecdh(const PublicKey& peer) const {
  ASSIGN_OR_RETURN(Curve own_curve, public_key_.curve());
  absl::StatusOr<Curve> peer_curve = peer.curve();
  if (!peer_curve.ok() || *peer_curve != own_curve) {
    return absl::InvalidArgumentError(
        StrCat("ECDH: the peer's key is not on ", CurveName(own_curve)));
  }
  PkeyCtxPtr context(EVP_PKEY_CTX_new_from_pkey(nullptr, key_.get(), nullptr));
  SecretBytes out(CoordinateSize(own_curve));
  size_t size = out.size();
  if (!context || EVP_PKEY_derive_init(context.get()) != 1 ||
      EVP_PKEY_derive_set_peer(context.get(), peer.handle()) != 1 ||
      EVP_PKEY_derive(context.get(), out.mutable_view().data(), &size) != 1 || size != out.size()) {
    return OpensslStatus(absl::StatusCode::kInvalidArgument, "ECDH");
  }
  return out;
}

absl::StatusOr<SecretBytes> PrivateKey::DecryptRsaOaep(const char* hash_name, ByteView ciphertext,
                                                       ByteView label) const {
  RETURN_IF_ERROR(CheckKind(key_.get(), EVP_PKEY_RSA, "an RSA key"));
  PkeyCtxPtr context(EVP_PKEY_CTX_new_from_pkey(nullptr, key_.get(), nullptr));
  if (!context || EVP_PKEY_decrypt_init(context.get()) != 1 ||
      !SetOaep(context.get(), hash_name, label)) {
    return OpensslStatus(absl::StatusCode::kInternal, "RSA-OAEP: decrypting");
  }
  SecretBytes room(static_cast<size_t>(EVP_PKEY_get_size(key_.get())));
  size_t size = room.size();
  if (EVP_PKEY_decrypt(context.get(), room.mutable_view().data(), &size, ciphertext.data(),
                       ciphertext.size()) != 1) {
    return OpensslStatus(absl::StatusCode::kUnauthenticated, "RSA-OAEP: does not decrypt");
  }
  return SecretBytes::CopyOf(room.view().first(size));
}

}  // namespace nacre::crypto
