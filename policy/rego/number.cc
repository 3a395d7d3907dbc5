// A number is a small integer in its handle or decimal text. Comparison and hashing work on the
// text itself, brought to one form: sign, digits without zeros at either end, power of ten. So 1,
// 1.0 and 1e0 are equal, and no size of exponent costs more than its digits. Whole numbers beyond
// 64 bits are computed by OpenSSL's BIGNUM, which the agent carries anyway. Floats are `long
// double`: on x86 exactly the 64-bit mantissa that OPA's arithmetic has.
#include "policy/rego/number.h"

#include <openssl/bn.h>

#include <algorithm>
#include <cfloat>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>

#include "base/strings.h"

namespace nacre::rego {

static_assert(LDBL_MANT_DIG >= 64, "OPA's floats have a 64-bit mantissa");

Value NumberFromCheckedText(std::string_view text) {
  Value out(Kind::kNumber, 0);
  out.has_text_ = true;
  out.size_ = static_cast<uint32_t>(text.size());
  out.text_ = text.data();
  return out;
}

namespace {

struct BignumDeleter {
  void operator()(BIGNUM* number) const { BN_free(number); }
};
struct CtxDeleter {
  void operator()(BN_CTX* ctx) const { BN_CTX_free(ctx); }
};
using Bignum = std::unique_ptr<BIGNUM, BignumDeleter>;
using BignumContext = std::unique_ptr<BN_CTX, CtxDeleter>;

// value = 0.DIGITS * 10^exponent, DIGITS without zeros at either end; zero has no digits.
struct Decimal {
  bool negative = false;
  std::string digits;
  int64_t exponent = 0;

  bool is_zero() const { return digits.empty(); }
  bool is_integer() const { return exponent >= static_cast<int64_t>(digits.size()); }
};

Decimal DecimalOfText(std::string_view text) {
  Decimal out;
  size_t i = 0;
  if (i < text.size() && text[i] == '-') out.negative = true, ++i;
  int64_t point = 0;
  bool after_point = false;
  for (; i < text.size() && text[i] != 'e' && text[i] != 'E'; ++i) {
    if (text[i] == '.') {
      after_point = true;
      continue;
    }
    if (out.digits.empty() && text[i] == '0') {
      if (after_point) --point;
      continue;
    }
    out.digits.push_back(text[i]);
    if (!after_point) ++point;
  }
  int64_t exponent = 0;
  if (i < text.size()) {
    ++i;
    if (i < text.size() && text[i] == '+') ++i;
    std::from_chars(text.data() + i, text.data() + text.size(), exponent);
  }
  while (!out.digits.empty() && out.digits.back() == '0') out.digits.pop_back();
  out.exponent = out.digits.empty() ? 0 : point + exponent;
  if (out.digits.empty()) out.negative = false;
  return out;
}

Decimal DecimalOf(const Value& number) { return DecimalOfText(NumberToText(number)); }

// Digits of a whole number, with its sign.
std::string IntegerDigits(const Decimal& decimal) {
  if (decimal.is_zero()) return "0";
  std::string out = decimal.negative ? "-" : "";
  out += decimal.digits;
  out.append(static_cast<size_t>(decimal.exponent) - decimal.digits.size(), '0');
  return out;
}

absl::Status TooLarge() { return absl::OutOfRangeError("number is too large"); }

Bignum ToBignum(const Value& number) {
  std::string digits = *ToIntegerText(number);
  BIGNUM* out = nullptr;
  BN_dec2bn(&out, digits.c_str());
  return Bignum(out);
}

absl::StatusOr<Value> FromBignum(Arena& arena, const BIGNUM* number) {
  if (BN_num_bits(number) > kMaxNumberDigits * 10 / 3) return TooLarge();
  char* text = BN_bn2dec(number);
  if (text == nullptr) return TooLarge();
  Value out = NumberFromIntegerText(arena, text);
  OPENSSL_free(text);
  return out;
}

absl::StatusOr<Value> FromFloat(Arena& arena, long double value) {
  if (!std::isfinite(value)) return TooLarge();
  return NumberFromFloat(arena, value);
}

// The digits that to_chars found, laid out as Go's 'g' with shortest precision: the exponent form
// below 1e-4 and from 1e21 on (6 digits decide when the number itself has fewer).
std::string GoFormat(std::string_view scientific, int switch_exponent) {
  Decimal decimal = DecimalOfText(scientific);
  std::string out = decimal.negative ? "-" : "";
  if (decimal.is_zero()) return "0";
  int64_t exponent = decimal.exponent - 1;
  int64_t digits = static_cast<int64_t>(decimal.digits.size());
  if (exponent < -4 || exponent >= std::max<int64_t>(switch_exponent, 0)) {
    out += decimal.digits[0];
    if (digits > 1) out += "." + decimal.digits.substr(1);
    out += exponent < 0 ? "e-" : "e+";
    int64_t magnitude = exponent < 0 ? -exponent : exponent;
    if (magnitude < 10) out += '0';
    StrAppend(&out, magnitude);
    return out;
  }
  if (decimal.exponent <= 0) {
    out += "0.";
    out.append(static_cast<size_t>(-decimal.exponent), '0');
    return out + decimal.digits;
  }
  if (decimal.exponent >= digits) return IntegerDigits(decimal);
  size_t point = static_cast<size_t>(decimal.exponent);
  return out + decimal.digits.substr(0, point) + "." + decimal.digits.substr(point);
}

using SmallOp = bool (*)(int64_t, int64_t, int64_t*);
using BigOp = int (*)(BIGNUM*, const BIGNUM*, const BIGNUM*);

// Small integers first, then exact big ones, then floats.
template <typename Small, typename Big, typename Float>
absl::StatusOr<Value> Arithmetic(Arena& arena, const Value& a, const Value& b, Small small, Big big,
                                 Float floating) {
  int64_t result;
  if (a.is_small() && b.is_small() && small(a.small(), b.small(), &result)) {
    return Value::Int(result);
  }
  if (!IsInteger(a) || !IsInteger(b)) {
    return FromFloat(arena, floating(ToLongDouble(a), ToLongDouble(b)));
  }
  Bignum left = ToBignum(a), right = ToBignum(b), out(BN_new());
  if (!big(out.get(), left.get(), right.get())) return TooLarge();
  return FromBignum(arena, out.get());
}

// Two's complement of an arbitrary whole number over `bytes` bytes, big-endian.
std::string TwosComplement(const BIGNUM* number, size_t bytes) {
  Bignum copy(BN_dup(number));
  if (BN_is_negative(number)) {  // 2^(8n) + number
    Bignum modulus(BN_new());
    BN_set_bit(modulus.get(), static_cast<int>(8 * bytes));
    BN_add(copy.get(), modulus.get(), number);
  }
  std::string out(bytes, '\0');
  BN_bn2binpad(copy.get(), reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(bytes));
  return out;
}

Bignum FromTwosComplement(const std::string& bytes) {
  Bignum out(BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()),
                       static_cast<int>(bytes.size()), nullptr));
  if (!bytes.empty() && (bytes[0] & 0x80) != 0) {
    Bignum modulus(BN_new());
    BN_set_bit(modulus.get(), static_cast<int>(8 * bytes.size()));
    BN_sub(out.get(), out.get(), modulus.get());
  }
  return out;
}

}  // namespace

absl::StatusOr<Value> NumberFromText(Arena& arena, std::string_view text) {
  auto digits = [&](size_t& i) {
    size_t begin = i;
    while (i < text.size() && text[i] >= '0' && text[i] <= '9') ++i;
    return i - begin;
  };
  auto malformed = [&] { return absl::InvalidArgumentError("malformed number"); };
  size_t i = 0;
  if (i < text.size() && text[i] == '-') ++i;
  bool leading_zero = i < text.size() && text[i] == '0';
  size_t whole = digits(i);
  if (whole == 0 || (leading_zero && whole > 1)) return malformed();
  bool integer = i == text.size();
  if (i < text.size() && text[i] == '.') {
    ++i;
    if (digits(i) == 0) return malformed();
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
    size_t begin = i;
    if (digits(i) == 0) return malformed();
    int exponent = 0;
    auto [end, error] = std::from_chars(text.data() + begin, text.data() + i, exponent);
    if (error != std::errc() || exponent > kMaxNumberDigits) {
      return absl::InvalidArgumentError("number is too large");
    }
  }
  if (i != text.size()) return malformed();
  if (text.size() > static_cast<size_t>(kMaxNumberDigits)) {
    return absl::InvalidArgumentError("number is too large");
  }
  if (integer) return NumberFromIntegerText(arena, text);
  return NumberFromCheckedText(arena.Copy(text));
}

Value NumberFromIntegerText(Arena& arena, std::string_view text) {
  int64_t value = 0;
  if (nacre::ParseNumber(text, &value) && text != "-0") return Value::Int(value);
  return NumberFromCheckedText(arena.Copy(text));
}

Value NumberFromUint64(Arena& arena, uint64_t value) {
  if (value <= INT64_MAX) return Value::Int(static_cast<int64_t>(value));
  return NumberFromIntegerText(arena, StrCat(value));
}

Value NumberFromFloat(Arena& arena, long double value) {
  if (value == 0) return Value::Int(0);
  char buffer[64];
  auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
  std::string_view scientific(buffer, static_cast<size_t>(end.ptr - buffer));
  Decimal decimal = DecimalOfText(scientific);
  if (value == std::truncl(value)) return NumberFromIntegerText(arena, IntegerDigits(decimal));
  return NumberFromCheckedText(arena.Copy(GoFormat(scientific, 6)));
}

Value NumberFromDouble(Arena& arena, double value) {
  if (value == 0) return Value::Int(0);
  char buffer[64];
  auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
  std::string_view scientific(buffer, static_cast<size_t>(end.ptr - buffer));
  std::string text = GoFormat(scientific, 21);
  if (text.find_first_of(".e") == std::string::npos) return NumberFromIntegerText(arena, text);
  return NumberFromCheckedText(arena.Copy(text));
}

void AppendNumber(std::string* out, const Value& number) {
  if (number.is_small()) {
    StrAppend(out, number.small());
  } else {
    out->append(number.number_text());
  }
}

std::string NumberToText(const Value& number) {
  std::string out;
  AppendNumber(&out, number);
  return out;
}

bool IsInteger(const Value& number) { return number.is_small() || DecimalOf(number).is_integer(); }

std::optional<std::string> ToIntegerText(const Value& number) {
  if (number.is_small()) return StrCat(number.small());
  Decimal decimal = DecimalOf(number);
  if (!decimal.is_integer()) return std::nullopt;
  return IntegerDigits(decimal);
}

std::optional<int64_t> ToInt64(const Value& number) {
  if (number.is_small()) return number.small();
  Decimal decimal = DecimalOf(number);
  if (!decimal.is_integer() || decimal.exponent > 19) return std::nullopt;
  int64_t out = 0;
  if (!nacre::ParseNumber(IntegerDigits(decimal), &out)) return std::nullopt;
  return out;
}

long double ToLongDouble(const Value& number) {
  if (number.is_small()) return static_cast<long double>(number.small());
  return std::strtold(std::string(number.number_text()).c_str(), nullptr);
}

double ToDouble(const Value& number) {
  if (number.is_small()) return static_cast<double>(number.small());
  return std::strtod(std::string(number.number_text()).c_str(), nullptr);
}

int NumberSign(const Value& number) {
  if (number.is_small()) return number.small() < 0 ? -1 : number.small() > 0 ? 1 : 0;
  Decimal decimal = DecimalOf(number);
  return decimal.is_zero() ? 0 : decimal.negative ? -1 : 1;
}

int CompareNumbers(const Value& a, const Value& b) {
  Decimal left = DecimalOf(a), right = DecimalOf(b);
  if (left.negative != right.negative) return left.negative ? -1 : 1;
  int sign = left.negative ? -1 : 1;
  if (left.is_zero() || right.is_zero()) return (right.is_zero() - left.is_zero()) * sign;
  if (left.exponent != right.exponent) return left.exponent < right.exponent ? -sign : sign;
  int order = left.digits.compare(right.digits);
  return order < 0 ? -sign : order > 0 ? sign : 0;
}

uint64_t HashNumber(const Value& number) {
  if (std::optional<int64_t> small = ToInt64(number)) return static_cast<uint64_t>(*small);
  Decimal decimal = DecimalOf(number);
  return std::hash<std::string>{}(decimal.digits) ^ static_cast<uint64_t>(decimal.exponent) ^
         (decimal.negative ? 0x8000 : 0);
}

// Long ones are decimal text: making binary numbers of it, and text of the result, takes the square
// of the digits, as multiplying and dividing do.
uint64_t NumberWork(const Value& a, const Value& b) {
  uint64_t pieces = uint64_t{a.weight()} + b.weight() - 2;  // of 16 digits
  return pieces * pieces / 2;
}

absl::StatusOr<Value> AddNumbers(Arena& arena, const Value& a, const Value& b) {
  return Arithmetic(
      arena, a, b,
      [](int64_t x, int64_t y, int64_t* out) { return !__builtin_add_overflow(x, y, out); }, BN_add,
      [](long double x, long double y) { return x + y; });
}

absl::StatusOr<Value> SubtractNumbers(Arena& arena, const Value& a, const Value& b) {
  return Arithmetic(
      arena, a, b,
      [](int64_t x, int64_t y, int64_t* out) { return !__builtin_sub_overflow(x, y, out); }, BN_sub,
      [](long double x, long double y) { return x - y; });
}

absl::StatusOr<Value> MultiplyNumbers(Arena& arena, const Value& a, const Value& b) {
  auto multiply = [](BIGNUM* out, const BIGNUM* x, const BIGNUM* y) {
    BignumContext context(BN_CTX_new());
    return BN_mul(out, x, y, context.get());
  };
  return Arithmetic(
      arena, a, b,
      [](int64_t x, int64_t y, int64_t* out) { return !__builtin_mul_overflow(x, y, out); },
      multiply, [](long double x, long double y) { return x * y; });
}

absl::StatusOr<Value> DivideNumbers(Arena& arena, const Value& a, const Value& b) {
  if (NumberSign(b) == 0) return absl::OutOfRangeError("divide by zero");
  if (IsInteger(a) && IsInteger(b)) {
    Bignum quotient(BN_new()), remainder(BN_new());
    BignumContext context(BN_CTX_new());
    if (a.is_small() && b.is_small() && b.small() != -1) {
      if (a.small() % b.small() == 0) return Value::Int(a.small() / b.small());
    } else if (BN_div(quotient.get(), remainder.get(), ToBignum(a).get(), ToBignum(b).get(),
                      context.get()) &&
               BN_is_zero(remainder.get())) {
      return FromBignum(arena, quotient.get());
    }
  }
  return FromFloat(arena, ToLongDouble(a) / ToLongDouble(b));
}

absl::StatusOr<Value> RemainderNumbers(Arena& arena, const Value& a, const Value& b) {
  if (!IsInteger(a) || !IsInteger(b)) {
    return absl::OutOfRangeError("modulo on floating-point number");
  }
  if (NumberSign(b) == 0) return absl::OutOfRangeError("modulo by zero");
  if (a.is_small() && b.is_small()) {
    return Value::Int(b.small() == -1 ? 0 : a.small() % b.small());
  }
  Bignum remainder(BN_new());
  BignumContext context(BN_CTX_new());
  if (!BN_div(nullptr, remainder.get(), ToBignum(a).get(), ToBignum(b).get(), context.get())) {
    return TooLarge();
  }
  return FromBignum(arena, remainder.get());
}

// On the digits: cut at the point, then one more where the rounding says so.
absl::StatusOr<Value> RoundNumber(Arena& arena, const Value& number, Rounding rounding) {
  if (number.is_small()) return number;
  Decimal decimal = DecimalOf(number);
  if (decimal.is_integer()) return NumberFromIntegerText(arena, IntegerDigits(decimal));
  bool away = rounding == Rounding::kFloor  ? decimal.negative
              : rounding == Rounding::kCeil ? !decimal.negative
              : decimal.exponent < 0        ? false
                                     : decimal.digits[static_cast<size_t>(decimal.exponent)] >= '5';
  std::string whole =
      decimal.exponent <= 0 ? "0" : decimal.digits.substr(0, static_cast<size_t>(decimal.exponent));
  if (decimal.negative) whole.insert(0, "-");
  if (whole == "-0") whole = "0";
  Value cut = NumberFromIntegerText(arena, whole);
  if (!away) return cut;
  return AddNumbers(arena, cut, Value::Int(decimal.negative ? -1 : 1));
}

absl::StatusOr<Value> BitOperation(Arena& arena, BitOp op, const Value& a, const Value& b) {
  auto apply = [op](auto x, auto y) {
    return op == BitOp::kAnd ? x & y : op == BitOp::kOr ? x | y : x ^ y;
  };
  if (a.is_small() && b.is_small()) return Value::Int(apply(a.small(), b.small()));
  Bignum left = ToBignum(a), right = ToBignum(b);
  size_t bytes = static_cast<size_t>(std::max(BN_num_bytes(left.get()), BN_num_bytes(right.get())));
  std::string x = TwosComplement(left.get(), bytes + 1), y = TwosComplement(right.get(), bytes + 1);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<char>(apply(x[i], y[i]));
  return FromBignum(arena, FromTwosComplement(x).get());
}

absl::StatusOr<Value> BitNegate(Arena& arena, const Value& a) {
  return SubtractNumbers(arena, Value::Int(-1), a);  // ~a == -a - 1
}

absl::StatusOr<Value> BitShift(Arena& arena, const Value& a, int64_t count) {
  if (count > kMaxNumberDigits * 4 && NumberSign(a) != 0) return TooLarge();
  Bignum number = ToBignum(a), out(BN_new());
  if (count >= 0) {
    BN_lshift(out.get(), number.get(), static_cast<int>(std::min<int64_t>(count, 1 << 20)));
    return FromBignum(arena, out.get());
  }
  int64_t right = count < -(1 << 20) ? 1 << 20 : -count;
  if (!BN_is_negative(number.get())) {
    BN_rshift(out.get(), number.get(), static_cast<int>(right));
    return FromBignum(arena, out.get());
  }
  // Rounding down: -((-a - 1) >> n) - 1.
  ASSIGN_OR_RETURN(Value flipped, BitNegate(arena, a));
  ASSIGN_OR_RETURN(Value shifted, BitShift(arena, flipped, count));
  return BitNegate(arena, shifted);
}

absl::StatusOr<std::string> IntegerToBase(const Value& number, int base) {
  Bignum left = ToBignum(number);
  if (BN_is_zero(left.get())) return std::string("0");
  bool negative = BN_is_negative(left.get()) != 0;
  BN_set_negative(left.get(), 0);
  std::string out;
  while (!BN_is_zero(left.get())) {
    BN_ULONG digit = BN_div_word(left.get(), static_cast<BN_ULONG>(base));
    out.push_back("0123456789abcdefghijklmnopqrstuvwxyz"[digit]);
  }
  if (negative) out.push_back('-');
  std::reverse(out.begin(), out.end());
  return out;
}

}  // namespace nacre::rego
