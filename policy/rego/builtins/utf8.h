// Text a character at a time, and what Unicode says of characters as far as the builtins need it.
// Rego's strings are bytes that are nearly always UTF-8; a byte that is not counts as one
// character, U+FFFD, as in Go.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace nacre::rego {

inline constexpr char32_t kReplacementRune = 0xfffd;

// The first character of non-empty `text` and its length in bytes; {U+FFFD, 1} for a byte that
// starts none.
struct Rune {
  char32_t value;
  size_t size;
};
Rune DecodeRune(std::string_view text);
Rune DecodeLastRune(std::string_view text);

size_t CountRunes(std::string_view text);
std::u32string ToRunes(std::string_view text);
// Byte offset of each character, and the size at the end.
std::vector<size_t> RuneOffsets(std::string_view text);

bool IsSpaceRune(char32_t rune);      // Unicode White_Space
bool IsPrintableRune(char32_t rune);  // may stand in %q as it is
char32_t LowerRune(char32_t rune);    // simple case mapping
char32_t UpperRune(char32_t rune);
std::string ToLower(std::string_view text);
std::string ToUpper(std::string_view text);

}  // namespace nacre::rego
