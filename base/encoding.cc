#include "base/encoding.h"

#include "base/strings.h"

namespace nacre {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kStandard =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrlSafe =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

using ReverseTable = std::array<int8_t, 256>;

constexpr ReverseTable Reverse(std::string_view alphabet) {
  ReverseTable table{};
  for (auto& entry : table) entry = -1;
  for (size_t i = 0; i < alphabet.size(); ++i) {
    table[static_cast<uint8_t>(alphabet[i])] = static_cast<int8_t>(i);
  }
  return table;
}
constexpr ReverseTable kStandardReverse = Reverse(kStandard);
constexpr ReverseTable kUrlSafeReverse = Reverse(kUrlSafe);

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string Encode(ByteView bytes, std::string_view alphabet, bool padded) {
  const size_t rest = bytes.size() % 3;
  const size_t rest_size = rest == 0 ? 0 : padded ? 4 : rest + 1;
  std::string out(bytes.size() / 3 * 4 + rest_size, '=');
  char* to = out.data();
  const uint8_t* from = bytes.data();
  const char* const letter = alphabet.data();
  for (const uint8_t* const end = from + (bytes.size() - rest); from != end; from += 3, to += 4) {
    const uint32_t bits = uint32_t{from[0]} << 16 | uint32_t{from[1]} << 8 | from[2];
    to[0] = letter[bits >> 18];
    to[1] = letter[bits >> 12 & 63];
    to[2] = letter[bits >> 6 & 63];
    to[3] = letter[bits & 63];
  }
  if (rest == 0) return out;
  const uint32_t bits = uint32_t{from[0]} << 16 | (rest == 2 ? uint32_t{from[1]} << 8 : 0);
  to[0] = letter[bits >> 18];
  to[1] = letter[bits >> 12 & 63];
  if (rest == 2) to[2] = letter[bits >> 6 & 63];
  return out;
}

// `text` without padding.
absl::StatusOr<Bytes> Decode(std::string_view text, const ReverseTable& table,
                             std::string_view name) {
  if (text.size() % 4 == 1) {
    return absl::InvalidArgumentError(StrCat(name, ": impossible length ", text.size()));
  }
  const auto value_of = [&](char c) { return int{table[static_cast<uint8_t>(c)]}; };
  const size_t whole = text.size() / 4 * 4;
  Bytes out(text.size() * 3 / 4);
  uint8_t* to = out.data();
  size_t i = 0;
  for (; i < whole; i += 4, to += 3) {
    const int a = value_of(text[i]), b = value_of(text[i + 1]), c = value_of(text[i + 2]),
              d = value_of(text[i + 3]);
    if ((a | b | c | d) < 0) break;  // found again below
    const auto four = static_cast<uint32_t>(a << 18 | b << 12 | c << 6 | d);
    to[0] = static_cast<uint8_t>(four >> 16);
    to[1] = static_cast<uint8_t>(four >> 8);
    to[2] = static_cast<uint8_t>(four);
  }
  uint32_t bits = 0;
  int count = 0;
  for (; i < text.size(); ++i) {
    const int value = value_of(text[i]);
    if (value < 0) {
      return absl::InvalidArgumentError(StrCat(name, ": bad character at offset ", i));
    }
    bits = bits << 6 | static_cast<uint32_t>(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      *to++ = static_cast<uint8_t>(bits >> count);
    }
  }
  if ((bits & ((1u << count) - 1)) != 0) {
    return absl::InvalidArgumentError(StrCat(name, ": trailing bits are not zero"));
  }
  return out;
}

}  // namespace

std::string HexEncode(ByteView bytes) {
  std::string out(bytes.size() * 2, '\0');
  size_t at = 0;
  for (uint8_t byte : bytes) {
    out[at++] = kHexDigits[byte >> 4];
    out[at++] = kHexDigits[byte & 15];
  }
  return out;
}

absl::StatusOr<Bytes> HexDecode(std::string_view text) {
  if (text.size() % 2 != 0) {
    return absl::InvalidArgumentError(StrCat("hex: odd length ", text.size()));
  }
  Bytes out;
  out.reserve(text.size() / 2);
  for (size_t i = 0; i < text.size(); i += 2) {
    int high = HexValue(text[i]);
    int low = HexValue(text[i + 1]);
    if (high < 0 || low < 0) {
      return absl::InvalidArgumentError(StrCat("hex: bad digit near offset ", i));
    }
    out.push_back(static_cast<uint8_t>(high << 4 | low));
  }
  return out;
}

std::string Base64Encode(ByteView bytes) { return Encode(bytes, kStandard, true); }

absl::StatusOr<Bytes> Base64Decode(std::string_view text) {
  if (text.size() % 4 != 0) {
    return absl::InvalidArgumentError(
        StrCat("base64: length ", text.size(), " is not a multiple of 4"));
  }
  if (text.ends_with('=')) text.remove_suffix(1);
  if (text.ends_with('=')) text.remove_suffix(1);
  return Decode(text, kStandardReverse, "base64");
}

std::string Base64UrlEncode(ByteView bytes) { return Encode(bytes, kUrlSafe, false); }

absl::StatusOr<Bytes> Base64UrlDecode(std::string_view text) {
  return Decode(text, kUrlSafeReverse, "base64url");
}

}  // namespace nacre
