#include <openssl/core_names.h>
#include <openssl/pem.h>

#include "base/strings.h"
#include "crypto/key_internal.h"

namespace nacre::crypto {
namespace {

Bytes ToMinimalBytes(const BIGNUM* number) {
  Bytes out(static_cast<size_t>(BN_num_bytes(number)));
  BN_bn2bin(number, out.data());
  return out;
}

absl::StatusOr<PkeyPtr> FromParams(const char* type, OSSL_PARAM_BLD* builder) {
  ParamsPtr params(OSSL_PARAM_BLD_to_param(builder));
  PkeyCtxPtr context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
    return OpensslStatus(absl::StatusCode::kInvalidArgument, StrCat("key: not a key of ", type));
  }
  return PkeyPtr(key);
}

absl::StatusOr<Bytes> RawToDer(ByteView raw) {
  int half = static_cast<int>(raw.size() / 2);
  BnPtr r(BN_bin2bn(raw.data(), half, nullptr));
  BnPtr s(BN_bin2bn(raw.data() + half, half, nullptr));
  EcdsaSigPtr signature(ECDSA_SIG_new());
  if (!r || !s || !signature || ECDSA_SIG_set0(signature.get(), r.get(), s.get()) != 1) {
    return OpensslStatus(absl::StatusCode::kInternal, "ECDSA: signature encoding");
  }
  (void)r.release();
  (void)s.release();
  Bytes der(static_cast<size_t>(i2d_ECDSA_SIG(signature.get(), nullptr)));
  uint8_t* cursor = der.data();
  i2d_ECDSA_SIG(signature.get(), &cursor);
  return der;
}

absl::Status Verify(EVP_PKEY* key, const EVP_MD* hash, ByteView message, ByteView signature,
                    Padding padding) {
  MdCtxPtr context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* key_context = nullptr;
  if (!context || EVP_DigestVerifyInit(context.get(), &key_context, hash, nullptr, key) != 1 ||
      !SetPadding(key_context, hash, padding)) {
    return OpensslStatus(absl::StatusCode::kInternal, "verifying a signature");
  }
  if (EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(),
                       message.size()) != 1) {
    return OpensslStatus(absl::StatusCode::kUnauthenticated, "signature does not verify");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<PublicKey> PublicKey::Adopt(EVP_PKEY* key) {
  if (key == nullptr) return absl::InvalidArgumentError("key: none");
  std::shared_ptr<EVP_PKEY> owned(key, EVP_PKEY_free);
  RETURN_IF_ERROR(CheckKey(key));
  return PublicKey(std::move(owned));
}

absl::StatusOr<PublicKey> PublicKey::FromPem(std::string_view pem) {
  BioPtr bio = pem.size() > kMaxEncodedKey ? nullptr : MemoryBio(AsBytes(pem));
  if (!bio) return absl::InvalidArgumentError("public key: PEM too large");
  EVP_PKEY* key = PEM_read_bio_PUBKEY(bio.get(), nullptr, NoPassPhrase, nullptr);
  if (key == nullptr) return OpensslStatus(absl::StatusCode::kInvalidArgument, "public key: PEM");
  return Adopt(key);
}

absl::StatusOr<PublicKey> PublicKey::FromSpkiDer(ByteView der) {
  if (der.size() > kMaxEncodedKey) return absl::InvalidArgumentError("public key: DER too large");
  const uint8_t* cursor = der.data();
  PkeyPtr key(d2i_PUBKEY(nullptr, &cursor, static_cast<long>(der.size())));
  if (!key) return OpensslStatus(absl::StatusCode::kInvalidArgument, "public key: DER");
  if (cursor != der.data() + der.size()) {
    return absl::InvalidArgumentError("public key: bytes after the DER");
  }
  return Adopt(key.release());
}

absl::StatusOr<PublicKey> PublicKey::FromEcPoint(const EcPoint& point) {
  size_t width = CoordinateSize(point.curve);
  if (point.x.size() != width || point.y.size() != width) {
    return absl::InvalidArgumentError(
        StrCat("key: coordinates of ", CurveName(point.curve), " must have ", width, " bytes"));
  }
  Bytes encoded = ByteWriter().U8(4).Put(point.x).Put(point.y).Release();  // SEC 1: uncompressed
  ParamBuilderPtr builder(OSSL_PARAM_BLD_new());
  if (!builder ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME,
                                      OpensslCurveName(point.curve), 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, encoded.data(),
                                       encoded.size()) != 1) {
    return OpensslStatus(absl::StatusCode::kInternal, "key: EC parameters");
  }
  ASSIGN_OR_RETURN(PkeyPtr key, FromParams("EC", builder.get()));
  return Adopt(key.release());
}

absl::StatusOr<PublicKey> PublicKey::FromRsaNumbers(const RsaNumbers& numbers) {
  if (numbers.modulus.size() > kMaxRsaBits / 8 || numbers.exponent.size() > kMaxExponentBits / 8) {
    return absl::InvalidArgumentError("key: RSA modulus or exponent too large");
  }
  BnPtr modulus(
      BN_bin2bn(numbers.modulus.data(), static_cast<int>(numbers.modulus.size()), nullptr));
  BnPtr exponent(
      BN_bin2bn(numbers.exponent.data(), static_cast<int>(numbers.exponent.size()), nullptr));
  ParamBuilderPtr builder(OSSL_PARAM_BLD_new());
  if (!builder || !modulus || !exponent ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get()) != 1) {
    return OpensslStatus(absl::StatusCode::kInternal, "key: RSA parameters");
  }
  ASSIGN_OR_RETURN(PkeyPtr key, FromParams("RSA", builder.get()));
  return Adopt(key.release());
}

KeyKind PublicKey::kind() const {
  return EVP_PKEY_get_base_id(key_.get()) == EVP_PKEY_EC ? KeyKind::kEc : KeyKind::kRsa;
}

absl::StatusOr<Curve> PublicKey::curve() const {
  RETURN_IF_ERROR(CheckKind(key_.get(), EVP_PKEY_EC, "an EC key"));
  return CurveOf(key_.get());
}

absl::StatusOr<EcPoint> PublicKey::ToEcPoint() const {
  EcPoint point;
  ASSIGN_OR_RETURN(point.curve, curve());
  ASSIGN_OR_RETURN(BnPtr x, KeyNumber(key_.get(), OSSL_PKEY_PARAM_EC_PUB_X));
  ASSIGN_OR_RETURN(BnPtr y, KeyNumber(key_.get(), OSSL_PKEY_PARAM_EC_PUB_Y));
  int width = static_cast<int>(CoordinateSize(point.curve));
  point.x.resize(CoordinateSize(point.curve));
  point.y.resize(CoordinateSize(point.curve));
  Must(BN_bn2binpad(x.get(), point.x.data(), width) == width &&
           BN_bn2binpad(y.get(), point.y.data(), width) == width,
       "coordinates");
  return point;
}

absl::StatusOr<RsaNumbers> PublicKey::ToRsaNumbers() const {
  RETURN_IF_ERROR(CheckKind(key_.get(), EVP_PKEY_RSA, "an RSA key"));
  ASSIGN_OR_RETURN(BnPtr modulus, KeyNumber(key_.get(), OSSL_PKEY_PARAM_RSA_N));
  ASSIGN_OR_RETURN(BnPtr exponent, KeyNumber(key_.get(), OSSL_PKEY_PARAM_RSA_E));
  return RsaNumbers{ToMinimalBytes(modulus.get()), ToMinimalBytes(exponent.get())};
}

absl::StatusOr<std::string> PublicKey::ToPem() const {
  BioPtr bio(BIO_new(BIO_s_mem()));
  if (!bio || PEM_write_bio_PUBKEY(bio.get(), key_.get()) != 1) {
    return OpensslStatus(absl::StatusCode::kInternal, "public key: writing PEM");
  }
  return ToString(BioContents(bio.get()));
}

absl::StatusOr<Bytes> PublicKey::ToSpkiDer() const {
  uint8_t* data = nullptr;
  int size = i2d_PUBKEY(key_.get(), &data);
  if (size <= 0) return OpensslStatus(absl::StatusCode::kInternal, "public key: writing DER");
  Bytes out(data, data + size);
  OPENSSL_free(data);
  return out;
}

bool PublicKey::operator==(const PublicKey& other) const {
  return EVP_PKEY_eq(key_.get(), other.key_.get()) == 1;
}

absl::Status PublicKey::VerifyEcdsa(HashAlgorithm hash, ByteView message,
                                    ByteView raw_signature) const {
  ASSIGN_OR_RETURN(Curve curve_used, curve());
  if (raw_signature.size() != 2 * CoordinateSize(curve_used)) {
    return absl::UnauthenticatedError(StrCat("signature of ", raw_signature.size(), " bytes, ",
                                             CurveName(curve_used), " needs ",
                                             2 * CoordinateSize(curve_used)));
  }
  ASSIGN_OR_RETURN(Bytes der, RawToDer(raw_signature));
  return Verify(key_.get(), OpensslDigest(hash), message, der, Padding::kNone);
}

absl::Status PublicKey::VerifyRsaPss(HashAlgorithm hash, ByteView message, ByteView signature,
                                     PssSalt salt) const {
  RETURN_IF_ERROR(CheckKind(key_.get(), EVP_PKEY_RSA, "an RSA key"));
  return Verify(key_.get(), OpensslDigest(hash), message, signature,
                salt == PssSalt::kHashLength ? Padding::kPss : Padding::kPssAnySalt);
}

absl::Status PublicKey::VerifyRsaPkcs1(HashAlgorithm hash, ByteView message,
                                       ByteView signature) const {
  RETURN_IF_ERROR(CheckKind(key_.get(), EVP_PKEY_RSA, "an RSA key"));
  return Verify(key_.get(), OpensslDigest(hash), message, signature, Padding::kPkcs1);
}

absl::Status PublicKey::VerifyRsaPkcs1Sha1(ByteView message, ByteView signature) const {
  RETURN_IF_ERROR(CheckKind(key_.get(), EVP_PKEY_RSA, "an RSA key"));
  return Verify(key_.get(), EVP_sha1(), message, signature, Padding::kPkcs1);
}

absl::StatusOr<Bytes> PublicKey::EncryptRsaOaep(const char* hash_name, ByteView plaintext,
                                                ByteView label) const {
  RETURN_IF_ERROR(CheckKind(key_.get(), EVP_PKEY_RSA, "an RSA key"));
  PkeyCtxPtr context(EVP_PKEY_CTX_new_from_pkey(nullptr, key_.get(), nullptr));
  Bytes out(static_cast<size_t>(EVP_PKEY_get_size(key_.get())));
  size_t size = out.size();
  if (!context || EVP_PKEY_encrypt_init(context.get()) != 1 ||
      !SetOaep(context.get(), hash_name, label) ||
      EVP_PKEY_encrypt(context.get(), out.data(), &size, plaintext.data(), plaintext.size()) != 1) {
    return OpensslStatus(absl::StatusCode::kInvalidArgument, "RSA-OAEP: encrypting");
  }
  out.resize(size);
  return out;
}

}  // namespace nacre::crypto
