// Reductions are Barrett's with a constant multiplier: a compiler that turns "% 3329" into a
// division instruction would let its time tell the operand, which has broken implementations of
// this very scheme.
#include "crypto/ml_kem_poly.h"

#include "base/secret_bytes.h"
#include "crypto/openssl_util.h"

namespace nacre::crypto::ml_kem {
namespace {

constexpr unsigned kBarrettShift = 24;
constexpr uint64_t kBarrett = (uint64_t{1} << kBarrettShift) / kQ;  // 5039
constexpr uint16_t kInverseOf128 = 3303;
constexpr size_t kFirstSqueeze = 840;  // five blocks of SHAKE128: enough but once in 2^128 times

// x in [0, 2 kQ) -> [0, kQ).
constexpr uint16_t SubtractOnce(uint32_t x) {
  const uint32_t less = x - kQ;
  const uint32_t borrow = 0u - (less >> 31);  // all ones when x < kQ
  return static_cast<uint16_t>(less + (kQ & borrow));
}

// x below 2^24.
constexpr uint16_t Reduce(uint32_t x) {
  const auto quotient = static_cast<uint32_t>((x * kBarrett) >> kBarrettShift);
  return SubtractOnce(x - quotient * kQ);
}

constexpr uint16_t Times(uint16_t a, uint16_t b) { return Reduce(uint32_t{a} * b); }
constexpr uint16_t Plus(uint16_t a, uint16_t b) { return SubtractOnce(uint32_t{a} + b); }
constexpr uint16_t Minus(uint16_t a, uint16_t b) { return SubtractOnce(uint32_t{a} + kQ - b); }

constexpr unsigned ReverseSevenBits(unsigned x) {
  unsigned out = 0;
  for (unsigned bit = 0; bit < 7; ++bit) out |= (x >> bit & 1) << (6 - bit);
  return out;
}

// 17 is a 256th root of unity modulo kQ.
constexpr uint16_t PowerOf17(unsigned exponent) {
  uint16_t out = 1;
  for (unsigned i = 0; i < exponent; ++i) out = Times(out, 17);
  return out;
}

struct Roots {
  std::array<uint16_t, 128> zeta;   // 17^BitRev7(i)
  std::array<uint16_t, 128> gamma;  // 17^(2 BitRev7(i) + 1)
};
constexpr Roots MakeRoots() {
  Roots out{};
  for (unsigned i = 0; i < 128; ++i) {
    out.zeta[i] = PowerOf17(ReverseSevenBits(i));
    out.gamma[i] = PowerOf17(2 * ReverseSevenBits(i) + 1);
  }
  return out;
}
constexpr Roots kRoots = MakeRoots();

// floor((x << bits) + kQ / 2) / kQ, exact for x < kQ and bits < 12: the multiplier is above
// 2^40 / kQ by less than one part in 2^28, and the quotient's fraction is a multiple of 1 / kQ.
uint16_t CompressOne(uint16_t x, unsigned bits) {
  constexpr uint64_t kMultiplier = (uint64_t{1} << 40) / kQ + 1;
  const uint64_t scaled = (uint64_t{x} << bits) + kQ / 2;
  return static_cast<uint16_t>((scaled * kMultiplier >> 40) & ((1u << bits) - 1));
}

const EVP_MD* ShakeDigest(int strength) {
  static const EVP_MD* const fetched[] = {EVP_MD_fetch(nullptr, "SHAKE128", nullptr),
                                          EVP_MD_fetch(nullptr, "SHAKE256", nullptr)};
  return fetched[strength == 256];
}

}  // namespace

void Shake(int strength, std::initializer_list<ByteView> parts, std::span<uint8_t> out) {
  MdCtxPtr context(EVP_MD_CTX_new());
  Must(context && EVP_DigestInit_ex(context.get(), ShakeDigest(strength), nullptr) == 1, "SHAKE");
  for (ByteView part : parts) {
    Must(EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1, "SHAKE update");
  }
  Must(EVP_DigestFinalXOF(context.get(), out.data(), out.size()) == 1, "SHAKE final");
}

Poly Ntt(Poly f) {
  size_t root = 1;
  for (size_t length = kN / 2; length >= 2; length /= 2) {
    for (size_t start = 0; start < kN; start += 2 * length) {
      const uint16_t zeta = kRoots.zeta[root++];
      for (size_t j = start; j < start + length; ++j) {
        const uint16_t t = Times(zeta, f[j + length]);
        f[j + length] = Minus(f[j], t);
        f[j] = Plus(f[j], t);
      }
    }
  }
  return f;
}

Poly InverseNtt(Poly f) {
  size_t root = 127;
  for (size_t length = 2; length <= kN / 2; length *= 2) {
    for (size_t start = 0; start < kN; start += 2 * length) {
      const uint16_t zeta = kRoots.zeta[root--];
      for (size_t j = start; j < start + length; ++j) {
        const uint16_t t = f[j];
        f[j] = Plus(t, f[j + length]);
        f[j + length] = Times(zeta, Minus(f[j + length], t));
      }
    }
  }
  for (uint16_t& x : f) x = Times(x, kInverseOf128);
  return f;
}

void Add(const Poly& a, Poly* sum) {
  for (size_t i = 0; i < kN; ++i) (*sum)[i] = Plus((*sum)[i], a[i]);
}

void Subtract(const Poly& a, Poly* difference) {
  for (size_t i = 0; i < kN; ++i) (*difference)[i] = Minus((*difference)[i], a[i]);
}

void MultiplyAdd(const Poly& a, const Poly& b, Poly* sum) {
  for (size_t i = 0; i < kN; i += 2) {
    const uint16_t high = Times(Times(a[i + 1], b[i + 1]), kRoots.gamma[i / 2]);
    const uint16_t even = Plus(Times(a[i], b[i]), high);
    const uint16_t odd = Plus(Times(a[i], b[i + 1]), Times(a[i + 1], b[i]));
    (*sum)[i] = Plus((*sum)[i], even);
    (*sum)[i + 1] = Plus((*sum)[i + 1], odd);
  }
}

void Encode(const Poly& f, unsigned bits, std::span<uint8_t> out) {
  uint32_t held = 0;
  unsigned count = 0;
  size_t at = 0;
  for (uint16_t x : f) {
    held |= uint32_t{x} << count;
    for (count += bits; count >= 8; count -= 8, held >>= 8) out[at++] = static_cast<uint8_t>(held);
  }
}

Poly Decode(ByteView in, unsigned bits) {
  Poly out;
  uint32_t held = 0;
  unsigned count = 0;
  size_t at = 0;
  for (uint16_t& x : out) {
    for (; count < bits; count += 8) held |= uint32_t{in[at++]} << count;
    x = static_cast<uint16_t>(held & ((1u << bits) - 1));
    held >>= bits;
    count -= bits;
  }
  return out;
}

bool IsReduced(const Poly& f) {
  return std::all_of(f.begin(), f.end(), [](uint16_t x) { return x < kQ; });
}

Poly Compress(Poly f, unsigned bits) {
  for (uint16_t& x : f) x = CompressOne(x, bits);
  return f;
}

Poly Decompress(Poly f, unsigned bits) {
  for (uint16_t& x : f) x = static_cast<uint16_t>((uint32_t{x} * kQ + (1u << (bits - 1))) >> bits);
  return f;
}

Poly SampleNtt(ByteView seed, uint8_t j, uint8_t i) {
  const uint8_t place[] = {j, i};
  Poly out;
  // OpenSSL 3.0 squeezes a sponge once: when the bytes do not suffice, all of them are made again.
  for (Bytes stream(kFirstSqueeze);; stream.resize(2 * stream.size())) {
    Shake(128, {seed, place}, stream);
    size_t count = 0;
    for (size_t at = 0; at + 3 <= stream.size() && count < kN; at += 3) {
      const unsigned first = stream[at] | (stream[at + 1] & 15u) << 8;
      const unsigned second = stream[at + 1] >> 4 | unsigned{stream[at + 2]} << 4;
      if (first < kQ) out[count++] = static_cast<uint16_t>(first);
      if (second < kQ && count < kN) out[count++] = static_cast<uint16_t>(second);
    }
    if (count == kN) return out;
  }
}

Poly SampleCbd(ByteView seed, uint8_t n) {
  SecretBytes stream(kN / 2);
  Shake(256, {seed, ByteView(&n, 1)}, stream.mutable_view());
  Poly out;
  for (size_t i = 0; i < kN; ++i) {
    const unsigned four = stream.view()[i / 2] >> (i % 2 * 4);
    const unsigned plus = (four & 1) + (four >> 1 & 1);
    const unsigned minus = (four >> 2 & 1) + (four >> 3 & 1);
    out[i] = SubtractOnce(kQ + plus - minus);
  }
  return out;
}

}  // namespace nacre::crypto::ml_kem
