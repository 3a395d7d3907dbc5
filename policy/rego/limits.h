// The engine's bounds, in one place. Policies, inputs and data are hostile until proven otherwise.
#pragma once

#include <cstddef>
#include <cstdint>

namespace nacre::rego {

// A value may nest this deep. Every walk over a value recurses at most so far.
inline constexpr int kMaxValueDepth = 256;
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

}  // namespace nacre::rego
