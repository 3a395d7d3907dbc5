#include "policy/rego/builtins/utf8.h"

#include <algorithm>
#include <iterator>

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
    AppendRune(&out, map(rune.value));
    text.remove_prefix(rune.size);
  }
  return out;
}

}  // namespace

Rune DecodeRune(std::string_view text) {
  auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  uint8_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < size) return {kReplacementRune, 1};
  char32_t value = lead & (0x7f >> size);
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {kReplacementRune, 1};
    value = (value << 6) | (byte(i) & 0x3f);
  }
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  bool surrogate = value >= 0xd800 && value < 0xe000;
  if (value < kLeast[size] || value > 0x10ffff || surrogate) return {kReplacementRune, 1};
  return {value, size};
}

Rune DecodeLastRune(std::string_view text) {
  for (size_t size = std::min<size_t>(4, text.size()); size > 1; --size) {
    Rune rune = DecodeRune(text.substr(text.size() - size));
    if (rune.size == size) return rune;
  }
  return DecodeRune(text.substr(text.size() - 1));
}

void AppendRune(std::string* out, char32_t rune) {
  if (rune > 0x10ffff || (rune >= 0xd800 && rune < 0xe000)) rune = kReplacementRune;
  auto put = [out](char32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (rune < 0x80) return put(rune);
  if (rune < 0x800) {
    put(0xc0 | (rune >> 6));
  } else {
    if (rune < 0x10000) {
      put(0xe0 | (rune >> 12));
    } else {
      put(0xf0 | (rune >> 18));
      put(0x80 | ((rune >> 12) & 0x3f));
    }
    put(0x80 | ((rune >> 6) & 0x3f));
  }
  put(0x80 | (rune & 0x3f));
}

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    Rune rune = DecodeRune(text);
    if (rune.value == kReplacementRune && rune.size == 1) return false;
    text.remove_prefix(rune.size);
  }
  return true;
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
