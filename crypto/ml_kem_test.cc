#include "crypto/ml_kem.h"

#include <set>

#include "base/encoding.h"
#include "base/status_testing.h"
#include "crypto/ml_kem_poly.h"
#include "crypto/openssl_util.h"

namespace nacre::crypto {
namespace {

constexpr size_t kCoefficientBits = 12;

// SHAKE128 of nothing, as a source of bytes: what the accumulated vectors draw their inputs from.
class Stream {
 public:
  explicit Stream(size_t size) : all_(size) { ml_kem::Shake(128, {}, all_); }
  ByteView Next(size_t size) {
    at_ += size;
    return ByteView(all_).subspan(at_ - size, size);
  }

 private:
  Bytes all_;
  size_t at_ = 0;
};

Bytes Seed(uint8_t fill) { return Bytes(kMlKemSeedSize, fill); }

// C2SP's accumulated vectors: all outputs of 10,000 runs, rejected ciphertexts among them, are
// hashed into one value, for which independent programs agree on FIPS 203 as published.
TEST(MlKem, IsTheSchemeOfTheReference) {
  constexpr int kRuns = 10'000;
  Stream random(kRuns * (kMlKemSeedSize + kMlKemMessageSize + kMlKemCiphertextSize));
  MdCtxPtr accumulated(EVP_MD_CTX_new());
  ASSERT_EQ(EVP_DigestInit_ex(accumulated.get(), EVP_shake128(), nullptr), 1);
  auto add = [&](ByteView bytes) {
    ASSERT_EQ(EVP_DigestUpdate(accumulated.get(), bytes.data(), bytes.size()), 1);
  };
  for (int run = 0; run < kRuns; ++run) {
    auto key = MlKemPrivateKey::FromSeed(random.Next(kMlKemSeedSize));
    ASSERT_OK(key.status());
    const MlKemEncapsulation sent =
        key->public_key().EncapsulateDeterministically(random.Next(kMlKemMessageSize));
    auto received = key->Decapsulate(sent.ciphertext);
    ASSERT_OK(received.status());
    ASSERT_EQ(ToBytes(received->view()), ToBytes(sent.shared_secret.view()));
    auto rejected = key->Decapsulate(random.Next(kMlKemCiphertextSize));
    ASSERT_OK(rejected.status());
    add(key->public_key().bytes());
    add(key->Expanded().view());
    add(sent.ciphertext);
    add(sent.shared_secret.view());
    add(rejected->view());
  }
  Bytes sum(32);
  ASSERT_EQ(EVP_DigestFinalXOF(accumulated.get(), sum.data(), sum.size()), 1);
  EXPECT_EQ(HexEncode(sum), "f959d18d3d1180121433bf0e05f11e7908cf9d03edc150b2b07cb90bef5bc1c1");
}

TEST(MlKem, ARandomKeyAndSecretEachTime) {
  const MlKemPrivateKey one = MlKemPrivateKey::Generate();
  const MlKemPrivateKey two = MlKemPrivateKey::Generate();
  EXPECT_NE(ToBytes(one.public_key().bytes()), ToBytes(two.public_key().bytes()));
  const MlKemEncapsulation first = one.public_key().Encapsulate();
  const MlKemEncapsulation second = one.public_key().Encapsulate();
  EXPECT_NE(first.ciphertext, second.ciphertext);
  EXPECT_EQ(ToBytes(one.Decapsulate(first.ciphertext)->view()),
            ToBytes(first.shared_secret.view()));
  EXPECT_NE(ToBytes(two.Decapsulate(first.ciphertext)->view()),
            ToBytes(first.shared_secret.view()));
}

// Each bit of a ciphertext counts, and what a changed one gives depends on all of it and on z.
TEST(MlKem, AChangedCiphertextGivesAnotherSecretAndNoError) {
  auto key = MlKemPrivateKey::FromSeed(Seed(7));
  ASSERT_OK(key.status());
  const MlKemEncapsulation sent =
      key->public_key().EncapsulateDeterministically(Bytes(kMlKemMessageSize, 9));
  std::set<Bytes> secrets = {ToBytes(sent.shared_secret.view())};
  size_t changed = 0;
  for (size_t bit = 0; bit < 8 * kMlKemCiphertextSize; bit += 97, ++changed) {
    Bytes ciphertext = sent.ciphertext;
    ciphertext[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
    auto secret = key->Decapsulate(ciphertext);
    ASSERT_OK(secret.status());
    secrets.insert(ToBytes(secret->view()));
    EXPECT_EQ(ToBytes(key->Decapsulate(ciphertext)->view()), ToBytes(secret->view()));
  }
  EXPECT_EQ(secrets.size(), changed + 1);
}

TEST(MlKem, RefusesOtherSizes) {
  auto key = MlKemPrivateKey::FromSeed(Seed(1));
  ASSERT_OK(key.status());
  const Bytes good = ToBytes(key->public_key().bytes());
  EXPECT_OK(MlKemPublicKey::FromBytes(good).status());
  EXPECT_EQ(MlKemPublicKey::FromBytes(ByteView(good).first(good.size() - 1)).status().code(),
            absl::StatusCode::kInvalidArgument);
  Bytes longer = good;
  longer.push_back(0);
  EXPECT_EQ(MlKemPublicKey::FromBytes(longer).status().message(),
            "ML-KEM-768 key: 1185 bytes, not 1184");
  for (size_t size : {size_t{0}, kMlKemCiphertextSize - 1, kMlKemCiphertextSize + 1}) {
    EXPECT_EQ(key->Decapsulate(Bytes(size)).status().code(), absl::StatusCode::kInvalidArgument);
  }
  for (size_t size : {kMlKemSeedSize - 1, kMlKemSeedSize + 1}) {
    EXPECT_EQ(MlKemPrivateKey::FromSeed(Bytes(size)).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
}

// The modulus check of section 7.2, at each place.
TEST(MlKem, RefusesAKeyWithACoefficientThatIsNotReduced) {
  auto key = MlKemPrivateKey::FromSeed(Seed(2));
  ASSERT_OK(key.status());
  for (size_t place = 0; place < 3 * ml_kem::kN; ++place) {
    for (unsigned value : {ml_kem::kQ - 1u, unsigned{ml_kem::kQ}, 4095u}) {
      Bytes encoded = ToBytes(key->public_key().bytes());
      uint8_t* at = &encoded[place / 2 * 3];
      if (place % 2 == 0) {
        at[0] = static_cast<uint8_t>(value);
        at[1] = static_cast<uint8_t>((at[1] & 0xf0) | value >> 8);
      } else {
        at[1] = static_cast<uint8_t>((at[1] & 0x0f) | value << 4);
        at[2] = static_cast<uint8_t>(value >> 4);
      }
      EXPECT_EQ(MlKemPublicKey::FromBytes(encoded).ok(), value < ml_kem::kQ) << place;
    }
  }
}

// The constant multiplications stand for divisions: for every value there is.
TEST(MlKemPoly, CompressionIsTheRoundedQuotient) {
  for (unsigned bits : {1u, 4u, 5u, 10u, 11u}) {
    for (unsigned first = 0; first < ml_kem::kQ; first += ml_kem::kN) {
      ml_kem::Poly f{};
      for (unsigned i = 0; i < ml_kem::kN; ++i) {
        f[i] = static_cast<uint16_t>(std::min<unsigned>(first + i, ml_kem::kQ - 1u));
      }
      const ml_kem::Poly compressed = ml_kem::Compress(f, bits);
      for (unsigned i = 0; i < ml_kem::kN; ++i) {
        const unsigned scale = 1u << bits;
        EXPECT_EQ(compressed[i], (2 * scale * f[i] + ml_kem::kQ) / (2 * ml_kem::kQ) % scale);
      }
    }
  }
}

TEST(MlKemPoly, TransformAndEncodingGoBothWays) {
  ml_kem::Poly f = ml_kem::SampleNtt(Bytes(32, 3), 0, 1);
  EXPECT_EQ(ml_kem::InverseNtt(ml_kem::Ntt(f)), f);
  for (unsigned bits = 1; bits <= kCoefficientBits; ++bits) {
    Bytes encoded(ml_kem::EncodedSize(bits));
    ml_kem::Poly small = f;
    for (uint16_t& x : small) x &= static_cast<uint16_t>((1u << bits) - 1);
    ml_kem::Encode(small, bits, encoded);
    EXPECT_EQ(ml_kem::Decode(encoded, bits), small) << bits;
  }
}

// Against the product as a school would make it, modulo X^256 + 1.
TEST(MlKemPoly, TransformedProductIsTheProduct) {
  const ml_kem::Poly a = ml_kem::SampleNtt(Bytes(32, 4), 0, 0);
  const ml_kem::Poly b = ml_kem::SampleNtt(Bytes(32, 4), 0, 1);
  ml_kem::Poly want{};
  for (size_t i = 0; i < ml_kem::kN; ++i) {
    for (size_t j = 0; j < ml_kem::kN; ++j) {
      const unsigned term = unsigned{a[i]} * b[j] % ml_kem::kQ;
      uint16_t& at = want[(i + j) % ml_kem::kN];
      at = static_cast<uint16_t>((at + (i + j < ml_kem::kN ? term : ml_kem::kQ - term)) %
                                 ml_kem::kQ);
    }
  }
  ml_kem::Poly sum{};
  ml_kem::MultiplyAdd(ml_kem::Ntt(a), ml_kem::Ntt(b), &sum);
  EXPECT_EQ(ml_kem::InverseNtt(sum), want);
}

}  // namespace
}  // namespace nacre::crypto
