// Asymmetric keys: elliptic curve (NIST P-256, P-384, P-521) and RSA. Signatures of elliptic-curve
// keys are raw here: r and s, big-endian, each as wide as the curve's order (32, 48 or 66 bytes),
// one after the other, as JWS (RFC 7518 section 3.4) and attestation reports carry them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/secret_bytes.h"
#include "crypto/digest.h"

typedef struct evp_pkey_st EVP_PKEY;

namespace nacre::crypto {

enum class Curve { kP256, kP384, kP521 };
enum class KeyKind { kEc, kRsa };

size_t CoordinateSize(Curve curve);       // 32, 48 or 66 bytes
std::string_view CurveName(Curve curve);  // "P-256", "P-384", "P-521"
absl::StatusOr<Curve> ParseCurve(std::string_view name);

// Affine coordinates, big-endian, CoordinateSize() bytes each.
struct EcPoint {
  Curve curve;
  Bytes x;
  Bytes y;
};

// Modulus and public exponent, big-endian without leading zeros.
struct RsaNumbers {
  Bytes modulus;
  Bytes exponent;
};

// Smallest and largest RSA modulus accepted anywhere (the largest bounds the cost of hostile keys).
inline constexpr int kMinRsaBits = 2048;
inline constexpr int kMaxRsaBits = 8192;

// How long the random salt of an RSASSA-PSS signature may be. TPMs use the longest that fits.
enum class PssSalt { kHashLength, kAnyLength };

// A public key on a curve above or RSA within the bounds above; every way to make one checks that,
// and that a point lies on its curve. Cheap to copy (shared, immutable), safe to use from threads.
class PublicKey {
 public:
  // kInvalidArgument for anything but one good key. PEM: one "PUBLIC KEY"; DER: strict, a
  // SubjectPublicKeyInfo (RFC 3279: id-ecPublicKey on a named curve, rsaEncryption) with nothing
  // after it.
  static absl::StatusOr<PublicKey> FromPem(std::string_view pem);
  static absl::StatusOr<PublicKey> FromSpkiDer(ByteView der);
  static absl::StatusOr<PublicKey> FromEcPoint(const EcPoint& point);
  static absl::StatusOr<PublicKey> FromRsaNumbers(const RsaNumbers& numbers);

  KeyKind kind() const;
  // kFailedPrecondition for a key of the other kind.
  absl::StatusOr<EcPoint> ToEcPoint() const;
  absl::StatusOr<RsaNumbers> ToRsaNumbers() const;
  absl::StatusOr<Curve> curve() const;

  absl::StatusOr<std::string> ToPem() const;
  absl::StatusOr<Bytes> ToSpkiDer() const;
  bool operator==(const PublicKey& other) const;

  // kUnauthenticated when the signature is not this key's over `message` (hashed here), or has the
  // wrong length; kFailedPrecondition for a key of the other kind.
  absl::Status VerifyEcdsa(HashAlgorithm hash, ByteView message, ByteView raw_signature) const;
  // The same for a signature as certificates carry it: DER of ECDSA-Sig-Value (RFC 3279).
  absl::Status VerifyEcdsaDer(HashAlgorithm hash, ByteView message, ByteView der_signature) const;
  // RSASSA-PSS (RFC 8017 section 8.1), MGF1 with the same hash.
  absl::Status VerifyRsaPss(HashAlgorithm hash, ByteView message, ByteView signature,
                            PssSalt salt = PssSalt::kHashLength) const;
  // RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2), with a SHA-2 digest.
  absl::Status VerifyRsaPkcs1(HashAlgorithm hash, ByteView message, ByteView signature) const;
  // The same with SHA-1, against which collisions are known: only for a caller whose owner has
  // asked for it by name (an old TPM's attestation key).
  absl::Status VerifyRsaPkcs1Sha1(ByteView message, ByteView signature) const;

  // RSAES-OAEP (RFC 8017 section 7.1), MGF1 with the same hash. `hash_name`: "SHA1", "SHA256" (as
  // RSA-OAEP and RSA-OAEP-256 of RFC 7518, which have no label), "SHA384" or "SHA512".
  absl::StatusOr<Bytes> EncryptRsaOaep(const char* hash_name, ByteView plaintext,
                                       ByteView label = {}) const;

  EVP_PKEY* handle() const { return key_.get(); }         // for this room
  static absl::StatusOr<PublicKey> Adopt(EVP_PKEY* key);  // takes over one reference

 private:
  PublicKey(std::shared_ptr<EVP_PKEY> key, std::optional<Curve> curve)
      : key_(std::move(key)), curve_(curve) {}
  // SEC 1: compressed or not.
  static absl::StatusOr<PublicKey> FromEncodedPoint(Curve curve, ByteView encoded);
  std::shared_ptr<EVP_PKEY> key_;
  std::optional<Curve> curve_;  // nothing for RSA
};

// Moves, never copies. Safe to use from threads.
class PrivateKey {
 public:
  static absl::StatusOr<PrivateKey> GenerateEc(Curve curve);
  // `bits` from kMinRsaBits to kMaxRsaBits. Takes seconds: tests and installers only.
  static absl::StatusOr<PrivateKey> GenerateRsa(int bits);
  // Unencrypted PKCS#8 ("PRIVATE KEY"), SEC 1 ("EC PRIVATE KEY") or PKCS#1 ("RSA PRIVATE KEY").
  static absl::StatusOr<PrivateKey> FromPem(ByteView pem);
  PrivateKey(PrivateKey&&) noexcept = default;
  PrivateKey& operator=(PrivateKey&&) noexcept = default;
  PrivateKey(const PrivateKey&) = delete;
  PrivateKey& operator=(const PrivateKey&) = delete;

  // Unencrypted PKCS#8 PEM.
  absl::StatusOr<SecretBytes> ToPem() const;
  const PublicKey& public_key() const { return public_key_; }
  KeyKind kind() const { return public_key_.kind(); }

  // Raw r || s over the hash of `message`; kFailedPrecondition for RSA keys.
  absl::StatusOr<Bytes> SignEcdsa(HashAlgorithm hash, ByteView message) const;
  // As VerifyRsaPss; kFailedPrecondition for EC keys.
  absl::StatusOr<Bytes> SignRsaPss(HashAlgorithm hash, ByteView message) const;
  // As VerifyRsaPkcs1; kFailedPrecondition for EC keys.
  absl::StatusOr<Bytes> SignRsaPkcs1(HashAlgorithm hash, ByteView message) const;
  // The x coordinate of the shared point (NIST SP 800-56A section 5.7.1.2), CoordinateSize() bytes;
  // kInvalidArgument when `peer` is on another curve.
  absl::StatusOr<SecretBytes> Ecdh(const PublicKey& peer) const;
  // kUnauthenticated for whatever is wrong with the ciphertext.
  absl::StatusOr<SecretBytes> DecryptRsaOaep(const char* hash_name, ByteView ciphertext,
                                             ByteView label = {}) const;

  EVP_PKEY* handle() const { return key_.get(); }          // for this room
  static absl::StatusOr<PrivateKey> Adopt(EVP_PKEY* key);  // takes over one reference

 private:
  PrivateKey(std::shared_ptr<EVP_PKEY> key, PublicKey public_key)
      : key_(std::move(key)), public_key_(std::move(public_key)) {}
  std::shared_ptr<EVP_PKEY> key_;
  PublicKey public_key_;
};

}  // namespace nacre::crypto
