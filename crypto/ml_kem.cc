// K-PKE (section 5 of FIPS 203) and what makes a KEM of it (section 6). The inputs of the hashes:
//   G = SHA3-512, two halves; H = SHA3-256; J = SHAKE256, 32 bytes.
#include "crypto/ml_kem.h"

#include <array>

#include "base/strings.h"
#include "crypto/ml_kem_poly.h"
#include "crypto/openssl_util.h"
#include "crypto/random.h"

namespace nacre::crypto {
namespace {

using ml_kem::EncodedSize;
using ml_kem::Poly;

constexpr size_t kRank = 3;  // "k"
constexpr unsigned kUBits = 10;
constexpr unsigned kVBits = 4;
constexpr unsigned kFullBits = 12;
constexpr size_t kHalf = 32;  // bytes of rho, sigma, K, r, z and a message
constexpr size_t kVectorSize = kRank * EncodedSize(kFullBits);
constexpr size_t kUSize = EncodedSize(kUBits);
static_assert(kVectorSize + kHalf == kMlKemPublicKeySize);
static_assert(kRank * kUSize + EncodedSize(kVBits) == kMlKemCiphertextSize);

// A vector of polynomials that are wiped when it goes.
class Vector {
 public:
  Vector() = default;
  Vector(const Vector&) = delete;
  Vector& operator=(const Vector&) = delete;
  ~Vector() { SecureWipe({reinterpret_cast<uint8_t*>(polys_.data()), sizeof polys_}); }
  Poly& operator[](size_t i) { return polys_[i]; }
  const Poly& operator[](size_t i) const { return polys_[i]; }

 private:
  std::array<Poly, kRank> polys_{};
};

SecretBytes Hash(const EVP_MD* method, std::initializer_list<ByteView> parts, size_t size) {
  SecretBytes out(size);
  MdCtxPtr context(EVP_MD_CTX_new());
  Must(context && EVP_DigestInit_ex(context.get(), method, nullptr) == 1, "SHA-3");
  for (ByteView part : parts) {
    Must(EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1, "SHA-3 update");
  }
  Must(EVP_DigestFinal_ex(context.get(), out.mutable_view().data(), nullptr) == 1, "SHA-3 final");
  return out;
}

SecretBytes G(std::initializer_list<ByteView> parts) {
  static const EVP_MD* const method = EVP_MD_fetch(nullptr, "SHA3-512", nullptr);
  return Hash(method, parts, 2 * kHalf);
}

SecretBytes H(ByteView data) {
  static const EVP_MD* const method = EVP_MD_fetch(nullptr, "SHA3-256", nullptr);
  return Hash(method, {data}, kHalf);
}

ByteView Part(ByteView all, size_t index, size_t size) { return all.subspan(index * size, size); }

void DecodeVector(ByteView in, Vector* out) {
  constexpr size_t kSize = EncodedSize(kFullBits);
  for (size_t i = 0; i < kRank; ++i) (*out)[i] = ml_kem::Decode(Part(in, i, kSize), kFullBits);
}

void EncodeVector(const Vector& v, std::span<uint8_t> out) {
  constexpr size_t kSize = EncodedSize(kFullBits);
  for (size_t i = 0; i < kRank; ++i) {
    ml_kem::Encode(v[i], kFullBits, out.subspan(i * kSize, kSize));
  }
}

// A product of transformed vectors, transformed back.
Poly Product(const Vector& a, const Vector& b) {
  Poly sum{};
  for (size_t i = 0; i < kRank; ++i) ml_kem::MultiplyAdd(a[i], b[i], &sum);
  return ml_kem::InverseNtt(sum);
}

// Algorithm 14: `message` under the key with `randomness`.
Bytes Encrypt(ByteView public_key, ByteView message, ByteView randomness) {
  const ByteView rho = public_key.last(kHalf);
  Vector t, y, column;
  DecodeVector(public_key.first(kVectorSize), &t);
  uint8_t n = 0;
  for (size_t i = 0; i < kRank; ++i) y[i] = ml_kem::Ntt(ml_kem::SampleCbd(randomness, n++));
  Bytes out(kMlKemCiphertextSize);
  for (uint8_t i = 0; i < kRank; ++i) {
    for (uint8_t j = 0; j < kRank; ++j) column[j] = ml_kem::SampleNtt(rho, i, j);
    Poly u = Product(column, y);
    ml_kem::Add(ml_kem::SampleCbd(randomness, n++), &u);
    ml_kem::Encode(ml_kem::Compress(u, kUBits), kUBits, std::span(out).subspan(i * kUSize, kUSize));
  }
  Poly v = Product(t, y);
  ml_kem::Add(ml_kem::SampleCbd(randomness, n), &v);
  ml_kem::Add(ml_kem::Decompress(ml_kem::Decode(message, 1), 1), &v);
  ml_kem::Encode(ml_kem::Compress(v, kVBits), kVBits, std::span(out).subspan(kRank * kUSize));
  return out;
}

// Algorithm 15.
SecretBytes Decrypt(ByteView secret_vector, ByteView ciphertext) {
  Vector s, u;
  DecodeVector(secret_vector, &s);
  for (size_t i = 0; i < kRank; ++i) {
    const Poly compressed = ml_kem::Decode(Part(ciphertext, i, kUSize), kUBits);
    u[i] = ml_kem::Ntt(ml_kem::Decompress(compressed, kUBits));
  }
  Poly w = ml_kem::Decompress(ml_kem::Decode(ciphertext.subspan(kRank * kUSize), kVBits), kVBits);
  ml_kem::Subtract(Product(s, u), &w);
  SecretBytes message(kHalf);
  ml_kem::Encode(ml_kem::Compress(w, 1), 1, message.mutable_view());
  return message;
}

}  // namespace

absl::StatusOr<MlKemPublicKey> MlKemPublicKey::FromBytes(ByteView encoded) {
  if (encoded.size() != kMlKemPublicKeySize) {
    return absl::InvalidArgumentError(
        StrCat("ML-KEM-768 key: ", encoded.size(), " bytes, not ", kMlKemPublicKeySize));
  }
  Vector t;
  DecodeVector(encoded.first(kVectorSize), &t);
  for (size_t i = 0; i < kRank; ++i) {
    if (!ml_kem::IsReduced(t[i])) {
      return absl::InvalidArgumentError("ML-KEM-768 key: a coefficient is not below 3329");
    }
  }
  return MlKemPublicKey(ToBytes(encoded));
}

MlKemEncapsulation MlKemPublicKey::EncapsulateDeterministically(ByteView message) const {
  const SecretBytes both = G({message, H(encoded_).view()});
  return {Encrypt(encoded_, message, both.view().last(kHalf)),
          SecretBytes::CopyOf(both.view().first(kHalf))};
}

MlKemEncapsulation MlKemPublicKey::Encapsulate() const {
  return EncapsulateDeterministically(RandomSecret(kMlKemMessageSize).view());
}

MlKemPrivateKey MlKemPrivateKey::Generate() {
  return *FromSeed(RandomSecret(kMlKemSeedSize).view());
}

// Algorithms 13 and 16.
absl::StatusOr<MlKemPrivateKey> MlKemPrivateKey::FromSeed(ByteView seed) {
  if (seed.size() != kMlKemSeedSize) {
    return absl::InvalidArgumentError(
        StrCat("ML-KEM seed: ", seed.size(), " bytes, not ", kMlKemSeedSize));
  }
  const uint8_t rank[] = {kRank};
  const SecretBytes both = G({seed.first(kHalf), rank});
  const ByteView rho = both.view().first(kHalf);
  const ByteView sigma = both.view().last(kHalf);
  Vector s, t;
  uint8_t n = 0;
  for (size_t i = 0; i < kRank; ++i) s[i] = ml_kem::Ntt(ml_kem::SampleCbd(sigma, n++));
  for (uint8_t i = 0; i < kRank; ++i) {
    t[i] = ml_kem::Ntt(ml_kem::SampleCbd(sigma, n++));
    for (uint8_t j = 0; j < kRank; ++j) {
      ml_kem::MultiplyAdd(ml_kem::SampleNtt(rho, j, i), s[j], &t[i]);
    }
  }
  Bytes encoded(kMlKemPublicKeySize);
  EncodeVector(t, std::span(encoded).first(kVectorSize));
  std::copy(rho.begin(), rho.end(), encoded.begin() + kVectorSize);
  SecretBytes secret(kVectorSize);
  EncodeVector(s, secret.mutable_view());
  return MlKemPrivateKey(std::move(secret), SecretBytes::CopyOf(seed.last(kHalf)),
                         MlKemPublicKey(std::move(encoded)));
}

SecretBytes MlKemPrivateKey::Expanded() const {
  const SecretBytes digest = H(public_key_.bytes());
  SecretBytes out(kVectorSize + kMlKemPublicKeySize + 2 * kHalf);
  auto at = out.mutable_view().begin();
  for (ByteView part : {s_.view(), public_key_.bytes(), digest.view(), z_.view()}) {
    at = std::copy(part.begin(), part.end(), at);
  }
  return out;
}

absl::StatusOr<SecretBytes> MlKemPrivateKey::Decapsulate(ByteView ciphertext) const {
  if (ciphertext.size() != kMlKemCiphertextSize) {
    return absl::InvalidArgumentError(
        StrCat("ML-KEM-768 ciphertext: ", ciphertext.size(), " bytes, not ", kMlKemCiphertextSize));
  }
  const SecretBytes message = Decrypt(s_.view(), ciphertext);
  const SecretBytes both = G({message.view(), H(public_key_.bytes()).view()});
  const Bytes again = Encrypt(public_key_.bytes(), message.view(), both.view().last(kHalf));
  SecretBytes out(kMlKemSharedSecretSize);  // first what a rejected ciphertext gives
  ml_kem::Shake(256, {z_.view(), ciphertext}, out.mutable_view());
  // No branch: whether it was rejected is not to be seen.
  const auto mask = static_cast<uint8_t>(0u - unsigned{ConstantTimeEqual(again, ciphertext)});
  for (size_t i = 0; i < out.size(); ++i) {
    uint8_t& byte = out.mutable_view()[i];
    byte = static_cast<uint8_t>((byte & ~mask) | (both.view()[i] & mask));
  }
  return out;
}

}  // namespace nacre::crypto
