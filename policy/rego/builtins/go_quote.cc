#include "policy/rego/builtins/go_quote.h"

#include "base/utf8.h"
#include "policy/rego/builtins/utf8.h"

namespace nacre::rego {
namespace {

void AppendHex(std::string* out, std::string_view prefix, char32_t number, int digits) {
  out->append(prefix);
  for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) {
    out->push_back("0123456789abcdef"[(number >> shift) & 15]);
  }
}

void AppendEscaped(std::string* out, char32_t rune, char quote, bool ascii) {
  if (rune == static_cast<char32_t>(quote) || rune == '\\') {
    out->push_back('\\');
    out->push_back(static_cast<char>(rune));
    return;
  }
  if (rune < 0x80 ? rune >= 0x20 && rune < 0x7f : !ascii && IsPrintableRune(rune)) {
    return AppendUtf8(out, rune);
  }
  constexpr std::string_view kControls = "\a\b\f\n\r\t\v";
  if (rune < 0x80) {
    if (size_t at = kControls.find(static_cast<char>(rune)); at != kControls.npos) {
      out->push_back('\\');
      out->push_back("abfnrtv"[at]);
      return;
    }
    return AppendHex(out, "\\x", rune, 2);
  }
  if (!IsScalarValue(rune)) rune = kReplacementRune;
  if (rune < 0x10000) return AppendHex(out, "\\u", rune, 4);
  AppendHex(out, "\\U", rune, 8);
}

}  // namespace

std::string GoQuote(std::string_view text, bool ascii) {
  std::string out = "\"";
  while (!text.empty()) {
    Rune rune = DecodeRune(text);
    if (rune.value == kReplacementRune && rune.size == 1) {
      AppendHex(&out, "\\x", static_cast<uint8_t>(text[0]), 2);
    } else {
      AppendEscaped(&out, rune.value, '"', ascii);
    }
    text.remove_prefix(rune.size);
  }
  out.push_back('"');
  return out;
}

std::string GoQuoteRune(char32_t rune, bool ascii) {
  std::string out = "'";
  if (!IsScalarValue(rune)) rune = kReplacementRune;
  AppendEscaped(&out, rune, '\'', ascii);
  out.push_back('\'');
  return out;
}

}  // namespace nacre::rego
