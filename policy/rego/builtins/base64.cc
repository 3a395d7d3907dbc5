#include "policy/rego/builtins/base64.h"

#include "base/strings.h"
#include "policy/rego/builtins/go_sprintf.h"

namespace nacre::rego {
namespace {

int DigitOf(char c, bool url) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == (url ? '-' : '+')) return 62;
  if (c == (url ? '_' : '/')) return 63;
  return -1;
}

absl::StatusOr<std::string> Decode(std::string_view text, bool url) {
  auto illegal = [](size_t at) {
    return absl::InvalidArgumentError(StrCat("illegal base64 data at input byte ", at));
  };
  std::string out;
  uint32_t bits = 0;
  int count = 0;    // digits in the current group of four
  int padding = 0;  // '=' seen in it
  bool ended = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '\n' || c == '\r') continue;
    if (ended) return illegal(i);
    if (c == '=') {
      if (count + padding < 2) return illegal(i);
      ++padding;
    } else {
      int digit = DigitOf(c, url);
      if (digit < 0) return illegal(i);
      if (padding > 0) return illegal(i - 1);
      bits = bits << 6 | static_cast<uint32_t>(digit);
      ++count;
    }
    if (count + padding < 4) continue;
    bits <<= 6 * padding;
    for (int byte = 0; byte < 3 - padding; ++byte) {
      out.push_back(static_cast<char>(bits >> (16 - 8 * byte)));
    }
    ended = padding > 0;
    bits = 0;
    count = padding = 0;
  }
  if (count + padding > 0) return illegal(text.size() - static_cast<size_t>(count));
  return out;
}

}  // namespace

absl::StatusOr<std::string> GoBase64Decode(std::string_view text) { return Decode(text, false); }

absl::StatusOr<std::string> GoBase64UrlDecode(std::string_view text) {
  if (text.ends_with('=')) return Decode(text, true);
  if (text.size() % 4 == 1) {
    return absl::InvalidArgumentError(StrCat("illegal base64url string: ", text));
  }
  std::string padded(text);
  while (padded.size() % 4 != 0) padded.push_back('=');
  return Decode(padded, true);
}

std::string DescribeByte(char byte) {
  FormatArgument argument = int64_t{static_cast<uint8_t>(byte)};
  return GoSprintf("%#U", {&argument, 1}, 100).value_or("");
}

}  // namespace nacre::rego
