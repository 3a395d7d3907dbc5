#include "crypto/key.h"

#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <climits>

#include "base/strings.h"
#include "crypto/openssl_util.h"

namespace nacre::crypto {
namespace {

constexpr int kMaxExponentBits = 64;  // bounds the cost of verifying with a hostile key
constexpr size_t kMaxEncodedKey = 64 << 10;

struct CurveFacts {
  Curve curve;
  std::string_view name;  // as JWK and CurveName
  const char* openssl_name;
  size_t coordinate_size;
};
constexpr CurveFacts kCurves[] = {{Curve::kP256, "P-256", "prime256v1", 32},
                                  {Curve::kP384, "P-384", "secp384r1", 48},
                                  {Curve::kP521, "P-521", "secp521r1", 66}};

const CurveFacts& Facts(Curve curve) { return kCurves[static_cast<int>(curve)]; }

absl::StatusOr<Curve> CurveOf(const EVP_PKEY* key) {
  char name[64];
  if (EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, name, sizeof name, nullptr) !=
      1) {
    return OpensslStatus(absl::StatusCode::kInvalidArgument, "key: curve is not a named one");
  }
  for (const CurveFacts& facts : kCurves) {
    if (std::string_view(name) == facts.openssl_name) return facts.curve;
  }
  return absl::InvalidArgumentError(StrCat("key: curve ", name, ", must be P-256, P-384 or P-521"));
}

absl::StatusOr<BnPtr> Number(const EVP_PKEY* key, const char* parameter) {
  BIGNUM* number = nullptr;
  if (EVP_PKEY_get_bn_param(key, parameter, &number) != 1) {
    return OpensslStatus(absl::StatusCode::kInternal, StrCat("key: reading ", parameter));
  }
  return BnPtr(number);
}

Bytes ToMinimalBytes(const BIGNUM* number) {
  Bytes out(static_cast<size_t>(BN_num_bytes(number)));
  BN_bn2bin(number, out.data());
  return out;
}

absl::Status CheckRsa(const EVP_PKEY* key) {
  int bits = EVP_PKEY_get_bits(key);
  if (bits < kMinRsaBits || bits > kMaxRsaBits) {
    return absl::InvalidArgumentError(
        StrCat("key: RSA of ", bits, " bits, must be from ", kMinRsaBits, " to ", kMaxRsaBits));
  }
  ASSIGN_OR_RETURN(BnPtr modulus, Number(key, OSSL_PKEY_PARAM_RSA_N));
  ASSIGN_OR_RETURN(BnPtr exponent, Number(key, OSSL_PKEY_PARAM_RSA_E));
  if (!BN_is_odd(modulus.get()) || !BN_is_odd(exponent.get()) || BN_is_one(exponent.get()) ||
      BN_num_bits(exponent.get()) > kMaxExponentBits) {
    return absl::InvalidArgumentError("key: RSA modulus or exponent is not acceptable");
  }
  return absl::OkStatus();
}

absl::Status CheckKey(EVP_PKEY* key) {
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_EC: {
      RETURN_IF_ERROR(CurveOf(key).status());
      PkeyCtxPtr context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
      if (!context || EVP_PKEY_public_check(context.get()) != 1) {
        return OpensslStatus(absl::StatusCode::kInvalidArgument, "key: point is not on its curve");
      }
      return absl::OkStatus();
    }
    case EVP_PKEY_RSA:
      return CheckRsa(key);
    default:
      return absl::InvalidArgumentError("key: neither EC nor RSA");
  }
}

absl::Status CheckKind(const EVP_PKEY* key, int base_id, std::string_view name) {
  if (EVP_PKEY_get_base_id(key) == base_id) return absl::OkStatus();
  return absl::FailedPreconditionError(StrCat("key: not ", name));
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

bool SetPss(EVP_PKEY_CTX* context, HashAlgorithm hash) {
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_mgf1_md(context, OpensslDigest(hash)) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
}

bool SetOaep(EVP_PKEY_CTX* context, const char* hash_name) {
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_oaep_md_name(context, hash_name, nullptr) == 1 &&
         EVP_PKEY_CTX_set_rsa_mgf1_md_name(context, hash_name, nullptr) == 1;
}

absl::StatusOr<Bytes> Sign(EVP_PKEY* key, HashAlgorithm hash, ByteView message, bool pss) {
  MdCtxPtr context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* key_context = nullptr;
  size_t size = 0;
  if (!context ||
      EVP_DigestSignInit(context.get(), &key_context, OpensslDigest(hash), nullptr, key) != 1 ||
      (pss && !SetPss(key_context, hash)) ||
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

absl::Status Verify(EVP_PKEY* key, HashAlgorithm hash, ByteView message, ByteView signature,
                    bool pss) {
  MdCtxPtr context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* key_context = nullptr;
  if (!context ||
      EVP_DigestVerifyInit(context.get(), &key_context, OpensslDigest(hash), nullptr, key) != 1 ||
      (pss && !SetPss(key_context, hash))) {
    return OpensslStatus(absl::StatusCode::kInternal, "verifying a signature");
  }
  if (EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(),
                       message.size()) != 1) {
    return OpensslStatus(absl::StatusCode::kUnauthenticated, "signature does not verify");
  }
  return absl::OkStatus();
}

// Never asks a terminal for a pass phrase.
int NoPassPhrase(char*, int, int, void*) { return -1; }

}  // namespace

size_t CoordinateSize(Curve curve) { return Facts(curve).coordinate_size; }
std::string_view CurveName(Curve curve) { return Facts(curve).name; }

absl::StatusOr<Curve> ParseCurve(std::string_view name) {
  for (const CurveFacts& facts : kCurves) {
    if (facts.name == name) return facts.curve;
  }
  return absl::InvalidArgumentError(StrCat("curve '", name, "', must be P-256, P-384 or P-521"));
}

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
  const CurveFacts& facts = Facts(point.curve);
  if (point.x.size() != facts.coordinate_size || point.y.size() != facts.coordinate_size) {
    return absl::InvalidArgumentError(
        StrCat("key: coordinates of ", facts.name, " must have ", facts.coordinate_size, " bytes"));
  }
  Bytes encoded = ByteWriter().U8(4).Put(point.x).Put(point.y).Release();  // SEC 1: uncompressed
  ParamBuilderPtr builder(OSSL_PARAM_BLD_new());
  if (!builder ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, facts.openssl_name,
                                      0) != 1 ||
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
  ASSIGN_OR_RETURN(BnPtr x, Number(key_.get(), OSSL_PKEY_PARAM_EC_PUB_X));
  ASSIGN_OR_RETURN(BnPtr y, Number(key_.get(), OSSL_PKEY_PARAM_EC_PUB_Y));
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
  ASSIGN_OR_RETURN(BnPtr modulus, Number(key_.get(), OSSL_PKEY_PARAM_RSA_N));
  ASSIGN_OR_RETURN(BnPtr exponent, Number(key_.get(), OSSL_PKEY_PARAM_RSA_E));
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
  return Verify(key_.get(), hash, message, der, false);
}

absl::Status PublicKey::VerifyRsaPss(HashAlgorithm hash, ByteView message,
                                     ByteView signature) const {
  RETURN_IF_ERROR(CheckKind(key_.get(), EVP_PKEY_RSA, "an RSA key"));
  return Verify(key_.get(), hash, message, signature, true);
}

absl::StatusOr<Bytes> PublicKey::EncryptRsaOaep(const char* hash_name, ByteView plaintext) const {
  RETURN_IF_ERROR(CheckKind(key_.get(), EVP_PKEY_RSA, "an RSA key"));
  PkeyCtxPtr context(EVP_PKEY_CTX_new_from_pkey(nullptr, key_.get(), nullptr));
  Bytes out(static_cast<size_t>(EVP_PKEY_get_size(key_.get())));
  size_t size = out.size();
  if (!context || EVP_PKEY_encrypt_init(context.get()) != 1 || !SetOaep(context.get(), hash_name) ||
      EVP_PKEY_encrypt(context.get(), out.data(), &size, plaintext.data(), plaintext.size()) != 1) {
    return OpensslStatus(absl::StatusCode::kInvalidArgument, "RSA-OAEP: encrypting");
  }
  out.resize(size);
  return out;
}

absl::StatusOr<PrivateKey> PrivateKey::Adopt(EVP_PKEY* key) {
  if (key == nullptr) return absl::InvalidArgumentError("key: none");
  std::shared_ptr<EVP_PKEY> owned(key, EVP_PKEY_free);
  RETURN_IF_ERROR(CheckKey(key));
  // The public half is a key of its own, so that copies of it do not keep the secret alive.
  uint8_t* data = nullptr;
  int size = i2d_PUBKEY(key, &data);
  if (size <= 0) return OpensslStatus(absl::StatusCode::kInvalidArgument, "key: no public part");
  Bytes spki(data, data + size);
  OPENSSL_free(data);
  ASSIGN_OR_RETURN(PublicKey public_key, PublicKey::FromSpkiDer(spki));
  return PrivateKey(std::move(owned), std::move(public_key));
}

absl::StatusOr<PrivateKey> PrivateKey::GenerateEc(Curve curve) {
  EVP_PKEY* key = EVP_EC_gen(Facts(curve).openssl_name);
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
  ASSIGN_OR_RETURN(Bytes der, Sign(key_.get(), hash, message, false));
  return DerToRaw(der, CoordinateSize(curve));
}

absl::StatusOr<Bytes> PrivateKey::SignRsaPss(HashAlgorithm hash, ByteView message) const {
  RETURN_IF_ERROR(CheckKind(key_.get(), EVP_PKEY_RSA, "an RSA key"));
  return Sign(key_.get(), hash, message, true);
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

absl::StatusOr<SecretBytes> PrivateKey::DecryptRsaOaep(const char* hash_name,
                                                       ByteView ciphertext) const {
  RETURN_IF_ERROR(CheckKind(key_.get(), EVP_PKEY_RSA, "an RSA key"));
  PkeyCtxPtr context(EVP_PKEY_CTX_new_from_pkey(nullptr, key_.get(), nullptr));
  if (!context || EVP_PKEY_decrypt_init(context.get()) != 1 || !SetOaep(context.get(), hash_name)) {
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
