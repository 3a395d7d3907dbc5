// RFC 8785: one text for one JSON value, so that a digest of it means something.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "base/json.h"
#include "base/strings.h"
#include "base/utf8.h"

namespace nacre {
namespace {

// The UTF-16 code units of valid UTF-8, or nothing.
std::optional<std::u16string> ToUtf16(std::string_view text) {
  std::u16string out;
  while (!text.empty()) {
    const CodePoint first = DecodeUtf8(text);
    if (first.size == 0) return std::nullopt;
    if (first.value >= 0x10000) {
      out.push_back(static_cast<char16_t>(0xd800 + ((first.value - 0x10000) >> 10)));
      out.push_back(static_cast<char16_t>(0xdc00 + ((first.value - 0x10000) & 0x3ff)));
    } else {
      out.push_back(static_cast<char16_t>(first.value));
    }
    text.remove_prefix(first.size);
  }
  return out;
}

// RFC 8785 section 3.2.2.2.
absl::Status AppendString(std::string_view text, std::string& out) {
  if (!IsUtf8(text)) return absl::InvalidArgumentError("canonical JSON: invalid UTF-8");
  constexpr std::string_view kHex = "0123456789abcdef";
  out.push_back('"');
  for (char c : text) {
    uint8_t byte = static_cast<uint8_t>(c);
    if (c == '"' || c == '\\') {
      out.append({'\\', c});
    } else if (byte >= 0x20) {
      out.push_back(c);
    } else if (constexpr std::string_view kShort = "btn_fr";
               byte >= 8 && byte <= 13 && byte != 11) {
      out.append({'\\', kShort[byte - 8]});
    } else {
      out.append("\\u00").append({kHex[byte >> 4], kHex[byte & 15]});
    }
  }
  out.push_back('"');
  return absl::OkStatus();
}

// RFC 8785 section 3.2.2.3: ECMAScript's Number::toString. to_chars gives the shortest digits; the
// rest places the point.
absl::Status AppendDouble(double value, std::string& out) {
  if (!std::isfinite(value)) return absl::InvalidArgumentError("canonical JSON: not finite");
  if (value == 0) {
    out.push_back('0');
    return absl::OkStatus();
  }
  if (value < 0) out.push_back('-');
  char buffer[64];
  auto end = std::to_chars(buffer, buffer + sizeof buffer, std::fabs(value),
                           std::chars_format::scientific);
  std::string_view text(buffer, static_cast<size_t>(end.ptr - buffer));
  size_t e = text.find('e');
  std::string digits(text.substr(0, 1));
  if (e > 1) digits.append(text.substr(2, e - 2));
  int exponent = 0;
  std::string_view exponent_text = text.substr(text[e + 1] == '+' ? e + 2 : e + 1);
  std::from_chars(exponent_text.data(), exponent_text.data() + exponent_text.size(), exponent);
  int count = static_cast<int>(digits.size());
  int point = exponent + 1;  // digits before the point
  if (point >= count && point <= 21) {
    out.append(digits).append(static_cast<size_t>(point - count), '0');
  } else if (point > 0 && point <= 21) {
    out.append(digits.substr(0, static_cast<size_t>(point))).append(".");
    out.append(digits.substr(static_cast<size_t>(point)));
  } else if (point > -6 && point <= 0) {
    out.append("0.").append(static_cast<size_t>(-point), '0').append(digits);
  } else {
    out.append(digits.substr(0, 1));
    if (count > 1) out.append(".").append(digits.substr(1));
    StrAppend(&out, "e", exponent < 0 ? "-" : "+", std::abs(exponent));
  }
  return absl::OkStatus();
}

constexpr uint64_t kLargestExact = uint64_t{1} << 53;

absl::Status AppendNumber(const Json& value, std::string& out) {
  if (value.is_number_float()) return AppendDouble(value.get<double>(), out);
  bool negative =
      value.is_number_integer() && !value.is_number_unsigned() && value.get<int64_t>() < 0;
  uint64_t magnitude =
      negative ? uint64_t{0} - static_cast<uint64_t>(value.get<int64_t>()) : value.get<uint64_t>();
  if (magnitude > kLargestExact) {
    return absl::InvalidArgumentError("canonical JSON: integer past 2^53");
  }
  StrAppend(&out, negative ? "-" : "", magnitude);
  return absl::OkStatus();
}

absl::Status AppendCanonical(const Json& value, int depth, std::string& out);

absl::Status AppendObject(const Json& object, int depth, std::string& out) {
  std::vector<std::pair<std::u16string, const std::string*>> order;
  for (const auto& item : object.items()) {
    std::optional<std::u16string> units = ToUtf16(item.key());
    if (!units) return absl::InvalidArgumentError("canonical JSON: invalid UTF-8");
    order.emplace_back(*std::move(units), &item.key());
  }
  std::sort(order.begin(), order.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  out.push_back('{');
  for (size_t i = 0; i < order.size(); ++i) {
    if (i > 0) out.push_back(',');
    RETURN_IF_ERROR(AppendString(*order[i].second, out));
    out.push_back(':');
    RETURN_IF_ERROR(AppendCanonical(object.at(*order[i].second), depth + 1, out));
  }
  out.push_back('}');
  return absl::OkStatus();
}

absl::Status AppendCanonical(const Json& value, int depth, std::string& out) {
  if (depth > JsonLimits().max_depth) {
    return absl::InvalidArgumentError("canonical JSON: nested too deep");
  }
  if (value.is_object()) return AppendObject(value, depth, out);
  if (value.is_string()) return AppendString(value.get_ref<const std::string&>(), out);
  if (value.is_number()) return AppendNumber(value, out);
  if (value.is_null()) return out.append("null"), absl::OkStatus();
  if (value.is_boolean()) return out.append(value.get<bool>() ? "true" : "false"), absl::OkStatus();
  if (!value.is_array()) return absl::InvalidArgumentError("canonical JSON: not a JSON value");
  out.push_back('[');
  for (size_t i = 0; i < value.size(); ++i) {
    if (i > 0) out.push_back(',');
    RETURN_IF_ERROR(AppendCanonical(value[i], depth + 1, out));
  }
  out.push_back(']');
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> CanonicalJson(const Json& value) {
  std::string out;
  RETURN_IF_ERROR(AppendCanonical(value, 0, out));
  return out;
}

}  // namespace nacre
