#include "policy/rego/builtins/yaml_scalar.h"

#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>

#include "policy/rego/builtins/utf8.h"
#include "policy/rego/json.h"
#include "policy/rego/number.h"

namespace nacre::rego {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool OneOf(std::string_view text, std::initializer_list<std::string_view> words) {
  for (std::string_view word : words) {
    if (text == word) return true;
  }
  return false;
}

bool IsNull(std::string_view text) { return OneOf(text, {"", "~", "null", "Null", "NULL"}); }
bool IsTrue(std::string_view text) { return OneOf(text, {"true", "True", "TRUE"}); }
bool IsFalse(std::string_view text) { return OneOf(text, {"false", "False", "FALSE"}); }
bool IsInfinite(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return OneOf(text, {".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"});
}
// Booleans of YAML 1.1.
bool IsOldBool(std::string_view text) {
  return OneOf(text, {"y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "n", "N", "no", "No", "NO",
                      "off", "Off", "OFF"});
}

struct Integer {
  std::string digits;
  int base;
  bool negative;
};

// 0x1f, 0b11, 0o17, 017, 1_000, -5.
std::optional<Integer> AsInteger(std::string_view text) {
  Integer out{"", 10, text.starts_with('-')};
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  if (text.starts_with("0x") || text.starts_with("0X")) out.base = 16;
  if (text.starts_with("0b") || text.starts_with("0B")) out.base = 2;
  if (text.starts_with("0o") || text.starts_with("0O")) out.base = 8;
  if (out.base != 10) {
    text.remove_prefix(2);
  } else if (text.size() > 1 && text[0] == '0') {
    out.base = 8;
  }
  for (char c : text) {
    if (c == '_') continue;
    int digit = IsDigit(c) ? c - '0' : (c | 0x20) >= 'a' ? (c | 0x20) - 'a' + 10 : 99;
    if (digit >= out.base) return std::nullopt;
    out.digits.push_back(c);
  }
  if (out.digits.empty() || text.starts_with('_')) return std::nullopt;
  return out;
}

// Decimal, with a point or an exponent or too large for an integer.
std::optional<double> AsFloat(std::string_view text) {
  std::string plain;
  for (char c : text) {
    if (c != '_') plain.push_back(c);
  }
  std::string_view rest = plain;
  if (rest.starts_with('-') || rest.starts_with('+')) rest.remove_prefix(1);
  size_t digits = 0, at = 0;
  bool point = false;
  for (; at < rest.size() && (IsDigit(rest[at]) || (rest[at] == '.' && !point)); ++at) {
    if (rest[at] == '.') point = true;
    if (rest[at] != '.') ++digits;
  }
  if (digits == 0) return std::nullopt;
  if (at < rest.size()) {
    if ((rest[at] | 0x20) != 'e') return std::nullopt;
    ++at;
    if (at < rest.size() && (rest[at] == '+' || rest[at] == '-')) ++at;
    if (at == rest.size()) return std::nullopt;
    for (; at < rest.size(); ++at) {
      if (!IsDigit(rest[at])) return std::nullopt;
    }
  }
  return std::strtod(plain.c_str(), nullptr);
}

// 2020-01-01, with or without a time behind it.
bool LooksLikeDate(std::string_view text) {
  size_t at = 0;
  auto digits = [&](size_t least, size_t most) {
    size_t count = 0;
    while (at < text.size() && IsDigit(text[at]) && count < most) ++at, ++count;
    return count >= least;
  };
  auto hyphen = [&] { return at < text.size() && text[at++] == '-'; };
  if (!digits(4, 4) || !hyphen() || !digits(1, 2) || !hyphen() || !digits(1, 2)) return false;
  return at == text.size() || text[at] == 'T' || text[at] == 't' || text[at] == ' ';
}

// 1:30:00, which YAML 1.1 took for a number.
bool LooksLikeBase60(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return text.find(':') != text.npos && !text.empty() && IsDigit(text[0]) &&
         text.find_first_not_of("0123456789_:.") == text.npos;
}

bool ReadsAsText(std::string_view text) {
  return !IsNull(text) && !IsTrue(text) && !IsFalse(text) && !IsInfinite(text) &&
         !IsOldBool(text) && text != "<<" && !AsInteger(text).has_value() &&
         !AsFloat(text).has_value() && !LooksLikeDate(text) && !LooksLikeBase60(text);
}

bool PlainSyntax(std::string_view text) {
  if (text.starts_with("---") || text.starts_with("...")) return false;
  if (text.front() == ' ' || text.back() == ' ') return false;
  if (std::string_view("#,[]{}&*!|>'\"%@`").find(text[0]) != std::string_view::npos) return false;
  bool alone = text.size() == 1 || text[1] == ' ';
  if (std::string_view("-?:").find(text[0]) != std::string_view::npos && alone) return false;
  return text.find(": ") == text.npos && text.find(" #") == text.npos && text.back() != ':';
}

// One line of printable characters, so that quotes are all it may need.
bool IsPlainLine(std::string_view text) {
  while (!text.empty()) {
    Rune rune = DecodeRune(text);
    if (!IsPrintableRune(rune.value) || (rune.value == kReplacementRune && rune.size == 1)) {
      return false;
    }
    text.remove_prefix(rune.size);
  }
  return true;
}

bool IsLiteralBlock(std::string_view text) {
  for (std::string_view line : StrSplit(text, '\n')) {
    if (!IsPlainLine(line) || line.ends_with(' ')) return false;
  }
  return true;
}

std::string LiteralBlock(std::string_view text, size_t indent) {
  std::string out = "|";
  if (text[0] == ' ' || text[0] == '\n') out += "2";
  bool ends = text.ends_with('\n');
  if (!ends) out += "-";
  if (ends && (text.size() == 1 || text[text.size() - 2] == '\n')) out += "+";
  if (ends) text.remove_suffix(1);
  for (std::string_view line : StrSplit(text, '\n')) {
    out += '\n';
    if (!line.empty()) out.append(indent, ' ');
    out += line;
  }
  return out;
}

std::string InSingleQuotes(std::string_view text) {
  std::string out = "'";
  for (char c : text) {
    out += c;
    if (c == '\'') out += '\'';
  }
  return out + "'";
}

}  // namespace

absl::StatusOr<Value> ResolvePlainScalar(BuiltinContext& context, std::string_view text) {
  if (IsNull(text)) return Value::Null();
  if (IsTrue(text)) return Value::Bool(true);
  if (IsFalse(text)) return Value::Bool(false);
  if (IsInfinite(text)) {
    return absl::InvalidArgumentError(StrCat("json: unsupported value: ", text));
  }
  if (text.size() > 500 || text.empty()) return Text(context, text);
  if (std::string_view("0123456789.+-").find(text[0]) == std::string_view::npos) {
    return Text(context, text);
  }
  if (std::optional<Integer> integer = AsInteger(text)) {
    errno = 0;
    uint64_t magnitude = std::strtoull(integer->digits.c_str(), nullptr, integer->base);
    bool fits = errno != ERANGE;
    if (fits && !integer->negative) return NumberFromUint64(context.arena(), magnitude);
    if (fits && magnitude <= uint64_t{1} << 63) {
      return Value::Int(static_cast<int64_t>(0 - magnitude));
    }
  }
  if (std::optional<double> real = AsFloat(text)) {
    if (std::abs(*real) > std::numeric_limits<double>::max()) return Text(context, text);
    return NumberFromDouble(context.arena(), *real);
  }
  return Text(context, text);
}

std::string WriteYamlScalar(std::string_view text, size_t indent, bool is_key) {
  std::string json;
  if (text.find('\n') != text.npos && !is_key && IsLiteralBlock(text)) {
    return LiteralBlock(text, indent);
  }
  if (!ReadsAsText(text) || !IsPlainLine(text)) {
    AppendJsonString(&json, text);
    return json;
  }
  return PlainSyntax(text) ? std::string(text) : InSingleQuotes(text);
}

}  // namespace nacre::rego
