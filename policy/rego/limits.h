// The engine's bounds, in one place. Policies, inputs and data are hostile until proven otherwise.
#pragma once

#include <cstddef>
#include <cstdint>

namespace nacre::rego {

// A value may nest this deep. Every walk over a value recurses at most so far.
inline constexpr int kMaxValueDepth = 256;
// Values in a value, counted as often as they would be written (they may share parts), with a
// string or number counting one more every 16 bytes. Bounds what comparing, copying and printing
// cost.
inline constexpr uint32_t kMaxValueWeight = (1 << 23) - 1;
// Digits of a number (and so of its exponent's size): what a 4096-digit integer needs.
inline constexpr int kMaxNumberDigits = 4096;
// Expressions, terms and bodies of a module may nest this deep.
inline constexpr int kMaxSyntaxDepth = 200;
// Terms may nest this deep, counting rows of operators (a + b + c nests twice): what every walk
// over a syntax tree recurses at most.
inline constexpr int kMaxTermDepth = 1000;
// `else` in a row, names in a package's path, brackets of a rule's head or a `with` target.
inline constexpr int kMaxElse = 1000;
inline constexpr size_t kMaxPath = 200;
// One module's text.
inline constexpr size_t kMaxModuleBytes = 16 << 20;
// What compiling may cost: steps (some 10 ns each), and names in the paths of rules and packages.
inline constexpr uint64_t kMaxCompileSteps = 30'000'000;
inline constexpr uint64_t kMaxTreeNames = 500'000;
inline constexpr uint64_t kMaxTreeNameBytes = 64 << 20;
// Constants that are made when compiling (literal collections, annotations).
inline constexpr size_t kMaxConstantBytes = size_t{256} << 20;
// Errors of one policy that are kept.
inline constexpr size_t kMaxErrors = 100;

}  // namespace nacre::rego
