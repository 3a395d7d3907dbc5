// UTF-8 (RFC 3629; Unicode 15, table 3-7): the one place that says what is well-formed.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace nacre {

// What UTF-8 can say: all code points but the surrogates.
constexpr bool IsScalarValue(char32_t code) {
  return code < 0xd800 || (code > 0xdfff && code < 0x110000);
}

// The character `text` starts with and the number of its bytes, 1 to 4; no bytes if it starts with
// none (empty, overlong, a surrogate, past U+10FFFF, cut short).
struct CodePoint {
  char32_t value = 0;
  size_t size = 0;
};
CodePoint DecodeUtf8(std::string_view text);

bool IsUtf8(std::string_view text);
// The offset of the first byte that starts no character; npos when all is well.
size_t FindInvalidUtf8(std::string_view text);

// U+FFFD for what is no scalar value.
void AppendUtf8(std::string* out, char32_t code);

}  // namespace nacre
