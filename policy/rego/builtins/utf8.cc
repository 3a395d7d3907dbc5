#include "policy/rego/builtins/utf8.h"

#include <algorithm>
#include <iterator>

#include "base/utf8.h"
#include "policy/rego/builtins/unicode_tables.h"

namespace nacre::rego {
namespace {

template <size_t N>
char32_t MapCase(const CaseRange (&ranges)[N], char32_t rune) {
  const CaseRange* found = std::lower_bound(
      ranges, ranges + N, rune, [](const CaseRange& range, char32_t r) { return range.last < r; });
  if (found == ranges + N || rune < found->first) return rune;
  if ((rune - found->first) % static_cast<uint32_t>(found->stride) != 0) return rune;
  return static_cast<char32_t>(static_cast<int64_t>(rune) + found->delta);
}

std::string MapEach(std::string_view text, char32_t (*map)(char32_t)) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    Rune rune = DecodeRune(text);
    AppendUtf8(&out, map(rune.value));
    text.remove_prefix(rune.size);
  }
  return out;
}

}  // namespace

Rune DecodeRune(std::string_view text) {
  const CodePoint first = DecodeUtf8(text);
  return first.size == 0 ? Rune{kReplacementRune, 1} : Rune{first.value, first.size};
}

Rune DecodeLastRune(std::string_view text) {
  for (size_t size = std::min<size_t>(4, text.size()); size > 1; --size) {
    Rune rune = DecodeRune(text.substr(text.size() - size));
    if (rune.size == size) return rune;
  }
  return DecodeRune(text.substr(text.size() - 1));
}

size_t CountRunes(std::string_view text) {
  size_t count = 0;
  for (; !text.empty(); ++count) text.remove_prefix(DecodeRune(text).size);
  return count;
}

std::u32string ToRunes(std::string_view text) {
  std::u32string out;
  while (!text.empty()) {
    Rune rune = DecodeRune(text);
    out.push_back(rune.value);
    text.remove_prefix(rune.size);
  }
  return out;
}

std::vector<size_t> RuneOffsets(std::string_view text) {
  std::vector<size_t> out;
  size_t at = 0;
  while (at < text.size()) {
    out.push_back(at);
    at += DecodeRune(text.substr(at)).size;
  }
  out.push_back(at);
  return out;
}

bool IsSpaceRune(char32_t rune) {
  return (rune >= 9 && rune <= 13) || rune == ' ' || rune == 0x85 || rune == 0xa0 ||
         rune == 0x1680 || (rune >= 0x2000 && rune <= 0x200a) || rune == 0x2028 || rune == 0x2029 ||
         rune == 0x202f || rune == 0x205f || rune == 0x3000;
}

bool IsPrintableRune(char32_t rune) {
  const RuneRange* found =
      std::lower_bound(std::begin(kPrintableRanges), std::end(kPrintableRanges), rune,
                       [](const RuneRange& range, char32_t r) { return range.last < r; });
  return found != std::end(kPrintableRanges) && rune >= found->first;
}

char32_t LowerRune(char32_t rune) { return MapCase(kLowerRanges, rune); }
char32_t UpperRune(char32_t rune) { return MapCase(kUpperRanges, rune); }
std::string ToLower(std::string_view text) { return MapEach(text, LowerRune); }
std::string ToUpper(std::string_view text) { return MapEach(text, UpperRune); }

}  // namespace nacre::rego
