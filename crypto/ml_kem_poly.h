// Arithmetic of ML-KEM (FIPS 203, sections 4.2 and 4.3): polynomials of 256 coefficients modulo
// 3329, their transform, their encodings and how they are sampled. For ml_kem.cc and its test.
//
// Nothing here branches on a coefficient or divides by a variable: coefficients are secrets. (The
// one exception, SampleNtt, works on public values.)
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"

namespace nacre::crypto::ml_kem {

inline constexpr uint16_t kQ = 3329;
inline constexpr size_t kN = 256;

// Coefficients in [0, kQ); those of a transformed polynomial in the order of FIPS 203's NTT.
using Poly = std::array<uint16_t, kN>;

// Bytes of a polynomial with `bits` a coefficient.
constexpr size_t EncodedSize(unsigned bits) { return kN / 8 * bits; }

Poly Ntt(Poly f);         // algorithm 9
Poly InverseNtt(Poly f);  // algorithm 10
void Add(const Poly& a, Poly* sum);
void Subtract(const Poly& a, Poly* difference);
// *sum += a * b, all transformed (algorithm 11).
void MultiplyAdd(const Poly& a, const Poly& b, Poly* sum);

// Algorithms 5 and 6. `bits` from 1 to 12; `out` and `in` have EncodedSize(bits) bytes. Decode with
// 12 bits gives values up to 4095: IsReduced() tells whether an encoded key is one.
void Encode(const Poly& f, unsigned bits, std::span<uint8_t> out);
Poly Decode(ByteView in, unsigned bits);
bool IsReduced(const Poly& f);

// Section 4.2.1, for `bits` below 12: round(2^bits / kQ * x) mod 2^bits, and back.
Poly Compress(Poly f, unsigned bits);
Poly Decompress(Poly f, unsigned bits);

// Algorithm 7: uniform, from SHAKE128 of seed (32 bytes), j and i.
Poly SampleNtt(ByteView seed, uint8_t j, uint8_t i);
// Algorithm 8 with eta 2, from the 128 bytes of SHAKE256 of seed (32 bytes) and n.
Poly SampleCbd(ByteView seed, uint8_t n);

// SHAKE128 (`strength` 128) or SHAKE256 of the parts in order, as many bytes as `out` has.
void Shake(int strength, std::initializer_list<ByteView> parts, std::span<uint8_t> out);

}  // namespace nacre::crypto::ml_kem
