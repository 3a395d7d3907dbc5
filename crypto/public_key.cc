#include <openssl/core_names.h>
#include <openssl/pem.h>

#include "base/strings.h"
#include "crypto/der.h"
#include "crypto/key_internal.h"
#include "crypto/pem.h"

namespace nacre::crypto {
namespace {

using std::string_view_literals::operator""sv;

constexpr size_t kMaxCoordinate = 66;  // of P-521

Bytes ToMinimalBytes(const BIGNUM* number) {
  Bytes out(static_cast<size_t>(BN_num_bytes(number)));
  BN_bn2bin(number, out.data());
  return out;
}

absl::StatusOr<PkeyPtr> FromParams(const char* type, int selection, OSSL_PARAM_BLD* builder) {
  ParamsPtr params(OSSL_PARAM_BLD_to_param(builder));
  PkeyCtxPtr context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, selection, params.get()) != 1) {
    return OpensslStatus(absl::StatusCode::kInvalidArgument, StrCat("key: not a key of ", type));
  }
  return PkeyPtr(key);
}

// ECDSA-Sig-Value (RFC 3279 section 2.2.3) of r and s side by side: two INTEGERs.
Bytes RawToDer(ByteView raw) {
  Bytes numbers;
  for (ByteView number : {raw.first(raw.size() / 2), raw.subspan(raw.size() / 2)}) {
    while (number.size() > 1 && number[0] == 0) number = number.subspan(1);
    const bool pad = number[0] >= 0x80;
    numbers.push_back(der::kInteger);
    numbers.push_back(static_cast<uint8_t>(number.size() + (pad ? 1 : 0)));
    if (pad) numbers.push_back(0);
    numbers.insert(numbers.end(), number.begin(), number.end());
  }
  ByteWriter out;
  out.U8(der::kSequence);
  if (numbers.size() >= 0x80) out.U8(0x81);
  return out.U8(static_cast<uint8_t>(numbers.size())).Put(numbers).Release();
}

// Hashed here rather than in EVP_DigestVerify, which would fetch the digest anew.
absl::Status Verify(EVP_PKEY* key, const EVP_MD* hash, ByteView message, ByteView signature,
                    Padding padding) {
  uint8_t digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  Must(EVP_Digest(message.data(), message.size(), digest, &size, hash, nullptr) == 1, "EVP_Digest");
  PkeyCtxPtr context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  if (!context || EVP_PKEY_verify_init(context.get()) != 1 ||
      (padding != Padding::kNone && EVP_PKEY_CTX_set_signature_md(context.get(), hash) != 1) ||
      !SetPadding(context.get(), hash, padding)) {
    return OpensslStatus(absl::StatusCode::kInternal, "verifying a signature");
  }
  if (EVP_PKEY_verify(context.get(), signature.data(), signature.size(), digest, size) != 1) {
    return OpensslStatus(absl::StatusCode::kUnauthenticated, "signature does not verify");
  }
  return absl::OkStatus();
}

// A key on the curve that has no point yet. Made once and copied: OpenSSL needs three times as long
// to build a curve anew as to copy it.
absl::StatusOr<PkeyPtr> EmptyKey(Curve curve) {
  static const auto make = [](Curve of) {
    ParamBuilderPtr builder(OSSL_PARAM_BLD_new());
    Must(builder && OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME,
                                                    OpensslCurveName(of), 0) == 1,
         "OSSL_PARAM_BLD");
    auto key = FromParams("EC", EVP_PKEY_KEY_PARAMETERS, builder.get());
    Must(key.ok(), "EVP_PKEY_fromdata");
    return key->release();
  };
  static EVP_PKEY* const keys[] = {make(Curve::kP256), make(Curve::kP384), make(Curve::kP521)};
  PkeyPtr out(EVP_PKEY_dup(keys[static_cast<int>(curve)]));
  if (!out) return OpensslStatus(absl::StatusCode::kInternal, "key: EVP_PKEY_dup");
  return out;
}

constexpr std::string_view kEcOid = "\x2a\x86\x48\xce\x3d\x02\x01";
constexpr std::string_view kRsaOid = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
constexpr std::string_view kCurveOids[] = {"\x2a\x86\x48\xce\x3d\x03\x01\x07",
                                           "\x2b\x81\x04\x00\x22"sv,
                                           "\x2b\x81\x04\x00\x23"sv};  // in Curve's order

constexpr std::string_view kWhat = "public key";

absl::StatusOr<Curve> CurveOfOid(ByteView oid) {
  for (Curve curve : {Curve::kP256, Curve::kP384, Curve::kP521}) {
    if (AsText(oid) == kCurveOids[static_cast<int>(curve)]) return curve;
  }
  return absl::InvalidArgumentError(
      StrCat("key: curve ", der::OidText(oid), ", must be P-256, P-384 or P-521"));
}

}  // namespace

absl::StatusOr<PublicKey> PublicKey::Adopt(EVP_PKEY* key) {
  if (key == nullptr) return absl::InvalidArgumentError("key: none");
  std::shared_ptr<EVP_PKEY> owned(key, EVP_PKEY_free);
  RETURN_IF_ERROR(CheckKey(key));
  std::optional<Curve> curve;
  if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC) {
    ASSIGN_OR_RETURN(curve, CurveOf(key));
  }
  return PublicKey(std::move(owned), curve);
}

absl::StatusOr<PublicKey> PublicKey::FromPem(std::string_view pem) {
  if (pem.size() > kMaxEncodedKey) return absl::InvalidArgumentError("public key: PEM too large");
  ASSIGN_OR_RETURN(const std::vector<Bytes> blocks, PemBlocks(pem, "PUBLIC KEY", 1, kMaxEncodedKey),
                   kWhat);
  return FromSpkiDer(blocks[0]);
}

absl::StatusOr<PublicKey> PublicKey::FromSpkiDer(ByteView der) {
  if (der.size() > kMaxEncodedKey) return absl::InvalidArgumentError("public key: DER too large");
  ASSIGN_OR_RETURN(const der::Element all, der::Whole(der, der::kSequence, kWhat));
  der::Reader reader(all.value);
  ASSIGN_OR_RETURN(const der::Element algorithm, reader.Next(der::kSequence, kWhat));
  ASSIGN_OR_RETURN(const der::Element key, reader.Next(der::kBitString, kWhat));
  RETURN_IF_ERROR(reader.End(kWhat));
  ASSIGN_OR_RETURN(const ByteView bits, der::WholeBytes(key.value, kWhat));
  der::Reader inside(algorithm.value);
  ASSIGN_OR_RETURN(const der::Element oid, inside.Next(der::kOid, kWhat));
  if (AsText(oid.value) == kEcOid) {
    ASSIGN_OR_RETURN(const der::Element name, inside.Next(der::kOid, kWhat));
    RETURN_IF_ERROR(inside.End(kWhat));
    ASSIGN_OR_RETURN(const Curve curve, CurveOfOid(name.value));
    return FromEncodedPoint(curve, bits);
  }
  if (AsText(oid.value) != kRsaOid) return absl::InvalidArgumentError("key: neither EC nor RSA");
  ASSIGN_OR_RETURN(const der::Element null, inside.Next(der::kNull, kWhat));
  RETURN_IF_ERROR(der::CheckAny(null, kWhat));
  RETURN_IF_ERROR(inside.End(kWhat));
  ASSIGN_OR_RETURN(const der::Element pair, der::Whole(bits, der::kSequence, kWhat));
  der::Reader numbers(pair.value);
  ASSIGN_OR_RETURN(const der::Element n, numbers.Next(der::kInteger, kWhat));
  ASSIGN_OR_RETURN(const der::Element e, numbers.Next(der::kInteger, kWhat));
  RETURN_IF_ERROR(numbers.End(kWhat));
  ASSIGN_OR_RETURN(const ByteView modulus, der::Unsigned(n.value, kWhat));
  ASSIGN_OR_RETURN(const ByteView exponent, der::Unsigned(e.value, kWhat));
  return FromRsaNumbers({ToBytes(modulus), ToBytes(exponent)});
}

// OpenSSL checks that the point is on its curve. The curves all have a prime order: such a point is
// in the group, and the check of its order, which costs as much as a signature verification, would
// add nothing.
absl::StatusOr<PublicKey> PublicKey::FromEncodedPoint(Curve curve, ByteView encoded) {
  const size_t width = CoordinateSize(curve);
  const uint8_t form = encoded.empty() ? 0 : encoded[0];
  const bool whole = form == 4 && encoded.size() == 1 + 2 * width;
  const bool compressed = (form == 2 || form == 3) && encoded.size() == 1 + width;
  if (!whole && !compressed) {
    return absl::InvalidArgumentError(StrCat("key: not a point of ", CurveName(curve)));
  }
  ASSIGN_OR_RETURN(PkeyPtr key, EmptyKey(curve));
  if (EVP_PKEY_set1_encoded_public_key(key.get(), encoded.data(), encoded.size()) != 1) {
    return OpensslStatus(absl::StatusCode::kInvalidArgument, "key: point is not on its curve");
  }
  return PublicKey(std::shared_ptr<EVP_PKEY>(key.release(), EVP_PKEY_free), curve);
}

absl::StatusOr<PublicKey> PublicKey::FromEcPoint(const EcPoint& point) {
  size_t width = CoordinateSize(point.curve);
  if (point.x.size() != width || point.y.size() != width) {
    return absl::InvalidArgumentError(
        StrCat("key: coordinates of ", CurveName(point.curve), " must have ", width, " bytes"));
  }
  return FromEncodedPoint(point.curve,
                          ByteWriter().U8(4).Put(point.x).Put(point.y).Release());  // uncompressed
}

absl::StatusOr<PublicKey> PublicKey::FromRsaNumbers(const RsaNumbers& numbers) {
  if (numbers.modulus.size() > kMaxRsaBits / 8 || numbers.exponent.size() > kMaxExponentBits / 8) {
    return absl::InvalidArgumentError("key: RSA modulus or exponent too large");
  }
  BnPtr modulus(
      BN_bin2bn(numbers.modulus.data(), static_cast<int>(numbers.modulus.size()), nullptr));
  BnPtr exponent(
      BN_bin2bn(numbers.exponent.data(), static_cast<int>(numbers.exponent.size()), nullptr));
  Must(modulus && exponent, "BN_bin2bn");
  RETURN_IF_ERROR(CheckRsaNumbers(modulus.get(), exponent.get()));
  ParamBuilderPtr builder(OSSL_PARAM_BLD_new());
  if (!builder ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get()) != 1) {
    return OpensslStatus(absl::StatusCode::kInternal, "key: RSA parameters");
  }
  ASSIGN_OR_RETURN(PkeyPtr key, FromParams("RSA", EVP_PKEY_PUBLIC_KEY, builder.get()));
  return PublicKey(std::shared_ptr<EVP_PKEY>(key.release(), EVP_PKEY_free), std::nullopt);
}

KeyKind PublicKey::kind() const { return curve_ ? KeyKind::kEc : KeyKind::kRsa; }

absl::StatusOr<Curve> PublicKey::curve() const {
  RETURN_IF_ERROR(CheckKind(key_.get(), EVP_PKEY_EC, "an EC key"));
  return *curve_;
}

absl::StatusOr<EcPoint> PublicKey::ToEcPoint() const {
  EcPoint point;
  ASSIGN_OR_RETURN(point.curve, curve());
  // Both coordinates at once, if that is the form it is kept in: each of them alone costs a
  // division.
  const size_t size = CoordinateSize(point.curve);
  uint8_t encoded[1 + 2 * kMaxCoordinate];
  size_t encoded_size = 0;
  if (EVP_PKEY_get_octet_string_param(key_.get(), OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, encoded,
                                      sizeof encoded, &encoded_size) == 1 &&
      encoded_size == 1 + 2 * size && encoded[0] == 4) {
    point.x.assign(encoded + 1, encoded + 1 + size);
    point.y.assign(encoded + 1 + size, encoded + encoded_size);
    return point;
  }
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
  return VerifyEcdsaDer(hash, message, RawToDer(raw_signature));
}

absl::Status PublicKey::VerifyEcdsaDer(HashAlgorithm hash, ByteView message,
                                       ByteView der_signature) const {
  RETURN_IF_ERROR(curve().status());
  return Verify(key_.get(), OpensslDigest(hash), message, der_signature, Padding::kNone);
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
