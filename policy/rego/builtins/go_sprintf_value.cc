// One argument laid out for one verb, as Go's package fmt does it for int64, *big.Int, float64 and
// string.
#include <bit>
#include <charconv>

#include "base/strings.h"
#include "base/utf8.h"
#include "policy/rego/builtins/go_quote.h"
#include "policy/rego/builtins/go_sprintf_internal.h"
#include "policy/rego/builtins/utf8.h"

namespace nacre::rego {
namespace {

// Fills up to the width, counted in characters. `zero`: the filling may be zeros.
void AppendPadded(std::string* out, const FormatFlags& flags, std::string_view text, bool zero) {
  size_t width = flags.has_width ? static_cast<size_t>(flags.width) : 0;
  size_t length = CountRunes(text);
  std::string filling(width > length ? width - length : 0,
                      zero && flags.zero && !flags.minus ? '0' : ' ');
  if (!flags.minus) out->append(filling);
  out->append(text);
  if (flags.minus) out->append(filling);
}

std::string_view SignOf(const FormatFlags& flags, bool negative) {
  return negative ? "-" : flags.plus ? "+" : flags.space ? " " : "";
}

// What stands before the digits with "#" (or with %O always).
std::string_view BasePrefix(const FormatFlags& flags, char32_t verb, std::string_view digits) {
  if (verb == 'O') return "0o";
  if (!flags.sharp) return "";
  switch (verb) {
    case 'b':
      return "0b";
    case 'o':
      return digits.starts_with('0') ? "" : "0";
    case 'x':
      return "0x";
    case 'X':
      return "0X";
    default:
      return "";
  }
}

void AppendInteger(std::string* out, const FormatFlags& flags, char32_t verb, bool negative,
                   std::string_view magnitude) {
  int base = verb == 'b' ? 2 : verb == 'o' || verb == 'O' ? 8 : (verb | 0x20) == 'x' ? 16 : 10;
  std::string digits = base == 10 ? std::string(magnitude) : DecimalToBase(magnitude, base);
  if (verb == 'X') digits = ToUpper(digits);
  if (flags.has_precision && flags.precision == 0 && digits == "0") {
    return AppendPadded(out, flags, "", false);
  }
  std::string_view sign = SignOf(flags, negative);
  size_t least = flags.has_precision ? static_cast<size_t>(flags.precision) : 0;
  if (!flags.has_precision && flags.zero && !flags.minus && flags.has_width) {
    least = static_cast<size_t>(flags.width) - std::min(sign.size(), size_t(flags.width));
  }
  if (digits.size() < least) digits.insert(0, least - digits.size(), '0');
  AppendPadded(out, flags, StrCat(sign, BasePrefix(flags, verb, digits), digits), false);
}

void AppendUnicode(std::string* out, const FormatFlags& flags, int64_t number) {
  std::string digits = DecimalToBase(std::to_string(static_cast<uint64_t>(number)), 16);
  digits = ToUpper(digits);
  size_t least = flags.has_precision && flags.precision > 4 ? size_t(flags.precision) : 4;
  if (digits.size() < least) digits.insert(0, least - digits.size(), '0');
  std::string text = "U+" + digits;
  if (flags.sharp && number >= 0 && number <= 0x10ffff &&
      IsPrintableRune(static_cast<char32_t>(number))) {
    text += " '";
    AppendUtf8(&text, static_cast<char32_t>(number));
    text += "'";
  }
  AppendPadded(out, flags, text, false);
}

char32_t RuneOf(int64_t number) {
  return number < 0 || number > 0x10ffff ? kReplacementRune : static_cast<char32_t>(number);
}

bool AppendInt64(std::string* out, const FormatFlags& flags, char32_t verb, int64_t number) {
  switch (verb) {
    case 'v':
    case 'd':
    case 'b':
    case 'o':
    case 'O':
    case 'x':
    case 'X': {
      uint64_t magnitude = static_cast<uint64_t>(number);
      AppendInteger(out, flags, verb, number < 0,
                    std::to_string(number < 0 ? 0 - magnitude : magnitude));
      return true;
    }
    case 'c': {
      std::string text;
      AppendUtf8(&text, RuneOf(number));
      AppendPadded(out, flags, text, true);
      return true;
    }
    case 'q':
      AppendPadded(out, flags, GoQuoteRune(RuneOf(number), flags.plus), true);
      return true;
    case 'U':
      AppendUnicode(out, flags, number);
      return true;
    default:
      return false;
  }
}

bool AppendBig(std::string* out, const FormatFlags& flags, char32_t verb, std::string_view digits) {
  if (verb > 0x7f ||
      std::string_view("bodxXsvO").find(static_cast<char>(verb)) == std::string_view::npos)
    return false;
  bool negative = digits.starts_with('-');
  if (negative) digits.remove_prefix(1);
  AppendInteger(out, flags, verb, negative, digits);
  return true;
}

// "#" for floats: a decimal point always, and for g as many digits as the precision says.
std::string WithPointAndDigits(std::string text, char verb, int precision) {
  size_t tail = verb == 'x' ? text.find('p') : text.find_first_of("eE");
  std::string exponent = tail == text.npos ? "" : text.substr(tail);
  text.resize(std::min(tail, text.size()));
  size_t wanted = verb == 'g' || verb == 'x' ? (precision < 0 ? 6 : size_t(precision)) : 0;
  size_t digits = 0;
  bool leading = true;
  for (char c : text) {
    if (c == '.') continue;
    leading = leading && c == '0';
    if (!leading) ++digits;
  }
  if (leading && !text.empty()) digits = 1;
  if (text.find('.') == text.npos) text += '.';
  if (digits < wanted) text.append(wanted - digits, '0');
  return text + exponent;
}

std::string HexFloat(double value, int precision) {
  char buffer[1100];
  auto printed = precision < 0
                     ? std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::hex)
                     : std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::hex,
                                     std::min(precision, 1000));
  std::string text = StrCat("0x", std::string_view(buffer, size_t(printed.ptr - buffer)));
  size_t exponent = text.find('p') + 2;
  if (text.size() - exponent < 2) text.insert(exponent, 1, '0');
  return text;
}

std::string BinaryFloat(double value) {
  uint64_t bits = std::bit_cast<uint64_t>(value);
  int64_t exponent = static_cast<int64_t>(bits >> 52 & 0x7ff);
  uint64_t mantissa = bits & ((uint64_t{1} << 52) - 1);
  mantissa |= exponent == 0 ? 0 : uint64_t{1} << 52;
  exponent = (exponent == 0 ? 1 : exponent) - 1075;
  return StrCat(mantissa, "p", exponent < 0 ? "" : "+", exponent);
}

bool AppendFloat(std::string* out, const FormatFlags& flags, char32_t verb, double value) {
  bool negative = std::bit_cast<int64_t>(value) < 0;
  double magnitude = negative ? -value : value;
  int precision = flags.has_precision ? flags.precision : -1;
  std::string text;
  char style = verb > 0x7f ? '?' : static_cast<char>(verb | 0x20);
  switch (verb) {
    case 'v':
      style = 'g';
      [[fallthrough]];
    case 'g':
    case 'G':
      text = FormatDouble(magnitude, 'g', precision);
      break;
    case 'e':
    case 'E':
    case 'f':
    case 'F':
      text = FormatDouble(magnitude, style, precision < 0 ? 6 : precision);
      break;
    case 'x':
    case 'X':
      text = HexFloat(magnitude, precision);
      break;
    case 'b':
      text = BinaryFloat(magnitude);
      break;
    default:
      return false;
  }
  if (flags.sharp && verb != 'b') text = WithPointAndDigits(std::move(text), style, precision);
  if (verb == 'G' || verb == 'E' || verb == 'X') text = ToUpper(text);
  std::string_view sign = SignOf(flags, negative);
  if (flags.zero && !flags.minus && flags.has_width) {
    size_t length = text.size() + sign.size();
    if (length < size_t(flags.width)) text.insert(0, size_t(flags.width) - length, '0');
  }
  AppendPadded(out, flags, StrCat(sign, text), false);
  return true;
}

std::string_view FirstRunes(std::string_view text, const FormatFlags& flags) {
  if (!flags.has_precision) return text;
  size_t end = 0;
  for (int i = 0; i < flags.precision && end < text.size(); ++i) {
    end += DecodeRune(text.substr(end)).size;
  }
  return text.substr(0, end);
}

std::string HexText(std::string_view bytes, const FormatFlags& flags, bool upper) {
  if (flags.has_precision) bytes = bytes.substr(0, size_t(flags.precision));
  std::string_view prefix = !flags.sharp ? "" : upper ? "0X" : "0x";
  std::string_view digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
  std::string out;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i > 0 && flags.space) out += ' ';
    if (i == 0 || flags.space) out += prefix;
    out += digits[static_cast<uint8_t>(bytes[i]) >> 4];
    out += digits[static_cast<uint8_t>(bytes[i]) & 15];
  }
  return out;
}

// One line without backquotes and control characters other than the tab.
bool CanBackquote(std::string_view text) {
  if (!IsUtf8(text) || text.find("\xef\xbb\xbf") != text.npos) return false;
  for (char c : text) {
    if ((static_cast<uint8_t>(c) < 0x20 && c != '\t') || c == '`' || c == 0x7f) return false;
  }
  return true;
}

bool AppendString(std::string* out, const FormatFlags& flags, char32_t verb,
                  std::string_view text) {
  switch (verb) {
    case 'v':
      if (flags.sharp_v) {
        AppendPadded(out, flags, GoQuote(FirstRunes(text, flags)), true);
        return true;
      }
      [[fallthrough]];
    case 's':
      AppendPadded(out, flags, FirstRunes(text, flags), true);
      return true;
    case 'x':
    case 'X':
      AppendPadded(out, flags, HexText(text, flags, verb == 'X'), true);
      return true;
    case 'q': {
      std::string_view cut = FirstRunes(text, flags);
      bool raw = flags.sharp && CanBackquote(cut);
      AppendPadded(out, flags, raw ? StrCat("`", cut, "`") : GoQuote(cut, flags.plus), true);
      return true;
    }
    default:
      return false;
  }
}

}  // namespace

std::string_view ArgumentTypeName(const FormatArgument& argument) {
  constexpr std::string_view kNames[] = {"int64", "*big.Int", "float64", "string"};
  return kNames[argument.index()];
}

void AppendArgument(std::string* out, const FormatFlags& flags, char32_t verb,
                    const FormatArgument& argument) {
  if (verb == 'T')
    return AppendPadded(out, flags, FirstRunes(ArgumentTypeName(argument), flags), true);
  bool fits = false;
  const BigDecimal* big = std::get_if<BigDecimal>(&argument);
  if (auto* number = std::get_if<int64_t>(&argument)) {
    fits = AppendInt64(out, flags, verb, *number);
  } else if (big != nullptr) {
    fits = AppendBig(out, flags, verb, big->digits);
  } else if (auto* real = std::get_if<double>(&argument)) {
    fits = AppendFloat(out, flags, verb, *real);
  } else {
    fits = AppendString(out, flags, verb, std::get<std::string>(argument));
  }
  if (fits) return;
  *out += "%!";
  AppendUtf8(out, verb);
  StrAppend(out, "(", big != nullptr ? "big.Int" : ArgumentTypeName(argument), "=");
  AppendArgument(out, big != nullptr ? FormatFlags() : flags, 'v', argument);
  *out += ')';
}

std::string FormatDouble(double value, char verb, int precision) {
  std::string buffer(precision < 0 ? 400 : size_t(precision) + 400, '\0');
  auto print = [&](std::chars_format format, int digits) {
    char* begin = buffer.data();
    char* end = begin + buffer.size();
    auto printed = digits < 0 ? std::to_chars(begin, end, value, format)
                              : std::to_chars(begin, end, value, format, digits);
    return std::string(begin, printed.ptr);
  };
  if (verb == 'f') return print(std::chars_format::fixed, precision);
  if (verb == 'e') return print(std::chars_format::scientific, precision);
  if (precision >= 0) return print(std::chars_format::general, precision);
  std::string text = print(std::chars_format::scientific, -1);
  int exponent = 0;
  size_t at = text.find('e') + 1;
  if (text[at] == '+') ++at;
  std::from_chars(text.data() + at, text.data() + text.size(), exponent);
  if (exponent < -4 || exponent >= 6) return text;
  return print(std::chars_format::fixed, -1);
}

std::string DecimalToBase(std::string_view digits, int base) {
  int bits = base == 16 ? 4 : base == 8 ? 3 : 1;
  std::string number(digits);
  for (char& c : number) c = static_cast<char>(c - '0');
  std::string out;
  size_t start = 0;
  do {  // divide by the base; the remainders are the digits, last first
    int remainder = 0;
    for (size_t i = start; i < number.size(); ++i) {
      int current = remainder * 10 + number[i];
      number[i] = static_cast<char>(current >> bits);
      remainder = current & (base - 1);
    }
    out.push_back("0123456789abcdef"[remainder]);
    while (start < number.size() && number[start] == 0) ++start;
  } while (start < number.size());
  return {out.rbegin(), out.rend()};
}

}  // namespace nacre::rego
