// units.parse ("10Mi", "500m") and units.parse_bytes ("1.5GiB"). Amounts are decimal numbers of any
// length; they are kept as digits with a power of ten, so that 0.1Ki is 102.4 and nothing near it.
// A thousandth ("m") is, as in OPA, the binary fraction nearest to 0.001, which is a finite decimal
// too. Byte amounts are computed with a 64-bit mantissa and cut to whole bytes.
#include <cmath>
#include <cstdlib>
#include <optional>
#include <utility>

#include "policy/rego/builtins/common.h"
#include "policy/rego/builtins/register.h"
#include "policy/rego/builtins/utf8.h"
#include "policy/rego/number.h"

namespace nacre::rego {
namespace {

constexpr size_t kMaxDigits = 1000;
constexpr int64_t kMaxExponent = 3000;
constexpr size_t kDecimals = 10;  // of a result that is not whole

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// "10.5Mi" as amount and unit. An e with a digit or sign after it belongs to the amount.
std::pair<std::string_view, std::string_view> SplitAmount(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == 'e' || c == 'E') {
      char next = i + 1 < text.size() ? text[i + 1] : ' ';
      bool sign = next == '+' || next == '-';
      if (!sign && !IsDigit(next)) return {text.substr(0, i), text.substr(i)};
      if (sign) ++i;
    } else if (!IsDigit(c) && c != '.' && c != '+' && c != '-') {
      return {text.substr(0, i), text.substr(i)};
    }
  }
  return {text, {}};
}

// digits * 10^exponent
struct Decimal {
  bool negative = false;
  std::string digits;
  int64_t exponent = 0;
};

// Nothing when it is no number; *too_large for one that is out of all proportion.
std::optional<Decimal> ParseDecimal(std::string_view text, bool* too_large) {
  Decimal out;
  out.negative = text.starts_with('-');
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  size_t end = std::min(text.find_first_of("eE"), text.size());
  bool point = false;
  for (char c : text.substr(0, end)) {
    if (c == '.' && !point) {
      point = true;
    } else if (IsDigit(c)) {
      out.digits.push_back(c);
      out.exponent -= point ? 1 : 0;
    } else {
      return std::nullopt;
    }
  }
  if (out.digits.empty()) return std::nullopt;
  int64_t exponent = 0;
  if (end < text.size()) {
    std::string_view power = text.substr(end + 1);
    if (power.starts_with('+')) power.remove_prefix(1);
    std::string_view bare = power.starts_with('-') ? power.substr(1) : power;
    if (bare.empty() || bare.find_first_not_of("0123456789") != bare.npos) return std::nullopt;
    if (!ParseNumber(power, &exponent)) exponent = kMaxExponent + 1;
  }
  *too_large = out.digits.size() > kMaxDigits || std::abs(exponent) > kMaxExponent;
  out.exponent += exponent;
  return out;
}

struct Unit {
  std::string_view name;
  std::string_view factor;  // whole; of "m", times 10^-60
};

constexpr Unit kUnits[] = {
    {"", "1"},
    {"m", "1000000000000000020816681711721685132943093776702880859375"},
    {"k", "1000"},
    {"K", "1000"},
    {"ki", "1024"},
    {"Ki", "1024"},
    {"M", "1000000"},
    {"mi", "1048576"},
    {"Mi", "1048576"},
    {"g", "1000000000"},
    {"G", "1000000000"},
    {"gi", "1073741824"},
    {"Gi", "1073741824"},
    {"t", "1000000000000"},
    {"T", "1000000000000"},
    {"ti", "1099511627776"},
    {"Ti", "1099511627776"},
    {"p", "1000000000000000"},
    {"P", "1000000000000000"},
    {"pi", "1125899906842624"},
    {"Pi", "1125899906842624"},
    {"e", "1000000000000000000"},
    {"E", "1000000000000000000"},
    {"ei", "1152921504606846976"},
    {"Ei", "1152921504606846976"},
};

// The decimal's digits as text: whole, or rounded to kDecimals places, halves away from zero.
std::string Spell(const Decimal& number) {
  std::string digits = number.digits;
  if (number.exponent >= 0) digits.append(static_cast<size_t>(number.exponent), '0');
  size_t places = number.exponent < 0 ? static_cast<size_t>(-number.exponent) : 0;
  if (digits.size() <= places) digits.insert(0, places + 1 - digits.size(), '0');
  size_t point = digits.size() - places;
  bool whole = digits.find_first_not_of('0', point) == digits.npos;
  if (whole) {
    digits.resize(point);
  } else {
    char next = places > kDecimals ? digits[point + kDecimals] : '0';
    digits.resize(point + kDecimals, '0');
    size_t carry = digits.size();
    for (bool up = next >= '5'; up && carry > 0; --carry) {
      up = digits[carry - 1] == '9';
      digits[carry - 1] = up ? '0' : static_cast<char>(digits[carry - 1] + 1);
      if (up && carry == 1) {
        digits.insert(0, 1, '1');
        ++point;
      }
    }
    digits.insert(point, 1, '.');
    ++point;
  }
  size_t zeros = 0;
  while (zeros + 1 < (whole ? digits.size() : point - 1) && digits[zeros] == '0') ++zeros;
  digits.erase(0, zeros);
  return digits == "0" || !number.negative ? digits : "-" + digits;
}

std::string WithoutQuotes(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c != '"') out.push_back(c);
  }
  return out;
}

Result Parse(BuiltinContext& context, Args args) {
  ASSIGN_OR_RETURN(std::string_view raw, StringArg(args, 1));
  RETURN_IF_ERROR(context.Step(raw.size()));
  std::string text = WithoutQuotes(raw);
  if (text.find(' ') != text.npos) return BuiltinError("spaces not allowed in resource strings");
  auto [amount, unit_text] = SplitAmount(text);
  if (amount.empty()) return BuiltinError("no amount provided");
  // The first letter tells m from M; the rest may be in either case.
  std::string unit(unit_text.substr(0, 1));
  if (unit_text.size() > 1) unit += ToLower(unit_text.substr(1));
  const Unit* known = nullptr;
  for (const Unit& candidate : kUnits) {
    if (candidate.name == unit) known = &candidate;
  }
  if (known == nullptr) return BuiltinError(StrCat("unit ", unit, " not recognized"));
  bool too_large = false;
  std::optional<Decimal> number = ParseDecimal(amount, &too_large);
  if (!number.has_value()) return BuiltinError("could not parse amount to a number");
  if (too_large) return BuiltinError("exponent too large");
  Arena& arena = context.arena();
  auto product = MultiplyNumbers(arena, NumberFromIntegerText(arena, number->digits),
                                 NumberFromIntegerText(arena, known->factor));
  if (!product.ok()) return AsBuiltinError(product.status());
  number->digits = NumberToText(*product);
  if (unit == "m") number->exponent -= 60;
  auto result = NumberFromText(arena, Spell(*number));
  if (!result.ok()) return AsBuiltinError(result.status());
  return result;
}

// Bytes in "kb", "ki", "kib"...: a letter for the power, i for powers of 1024. 0 when unknown.
long double ByteUnit(std::string_view unit) {
  if (unit.empty()) return 1;
  size_t power = std::string_view("kmgtpe").find(unit[0]);
  if (power == std::string_view::npos) return 0;
  std::string_view rest = unit.substr(1);
  if (rest.empty() || rest == "b") return std::pow(1000.0L, static_cast<int>(power) + 1);
  if (rest == "i" || rest == "ib") return std::pow(1024.0L, static_cast<int>(power) + 1);
  return 0;
}

Result ParseBytes(BuiltinContext& context, Args args) {
  ASSIGN_OR_RETURN(std::string_view raw, StringArg(args, 1));
  RETURN_IF_ERROR(context.Step(raw.size()));
  std::string text = WithoutQuotes(ToLower(raw));
  if (text.find(' ') != text.npos) return BuiltinError("spaces not allowed in resource strings");
  auto [amount, unit] = SplitAmount(text);
  if (amount.empty()) return BuiltinError("no byte amount provided");
  long double factor = ByteUnit(unit);
  if (factor == 0) return BuiltinError(StrCat("byte unit ", unit, " not recognized"));
  bool too_large = false;
  if (!ParseDecimal(amount, &too_large).has_value()) {
    return BuiltinError("could not parse byte amount to a number");
  }
  if (too_large) return BuiltinError("exponent too large");
  long double bytes = std::trunc(std::strtold(std::string(amount).c_str(), nullptr) * factor);
  if (bytes == 0) return Value::Int(0);
  std::string digits(static_cast<size_t>(std::max(0.0L, std::log10(std::abs(bytes)))) + 8, '\0');
  int size = std::snprintf(digits.data(), digits.size(), "%.0Lf", bytes);
  return NumberFromIntegerText(context.arena(), digits.substr(0, static_cast<size_t>(size)));
}

}  // namespace

void RegisterUnits(BuiltinRegistry& registry) {
  registry.Register({"units.parse", {kString}, kNumber, Parse});
  registry.Register({"units.parse_bytes", {kString}, kNumber, ParseBytes});
}

}  // namespace nacre::rego
