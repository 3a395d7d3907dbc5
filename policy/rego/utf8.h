// UTF-8: the only encoding of text in policies and documents.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace nacre::rego {

// The code point that starts at `text[offset]`, and the number of its bytes; 0 bytes when the
// encoding is wrong there (overlong, surrogate, past U+10FFFF, cut short).
struct CodePoint {
  uint32_t value = 0;
  int size = 0;
};
CodePoint DecodeUtf8(std::string_view text, size_t offset);

// The offset of the first wrong byte, or npos when all is well.
size_t FindInvalidUtf8(std::string_view text);

// Surrogates and values past U+10FFFF become U+FFFD.
void AppendUtf8(std::string* out, uint32_t code_point);

// Number of code points of valid text.
size_t CountCodePoints(std::string_view text);

}  // namespace nacre::rego
