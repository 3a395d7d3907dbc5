// Numbers as OPA has them: decimal text (json.Number). Whole numbers of any size (up to
// kMaxNumberDigits digits) are exact. Everything else is computed with a 64-bit mantissa, rounded
// to nearest even, and written back in the fewest digits that mean the same 64-bit float.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "policy/rego/value.h"

namespace nacre::rego {

// JSON number grammar ("-1.50e3"). The text is kept as written unless it is a small integer.
// kInvalidArgument when it is no number or larger than kMaxNumberDigits allows.
absl::StatusOr<Value> NumberFromText(Arena& arena, std::string_view text);

// The same without a check or a copy: `text` must outlive the value.
Value NumberFromCheckedText(std::string_view text);

// Decimal text: as written for parsed numbers, canonical for computed ones.
std::string NumberToText(const Value& number);
void AppendNumber(std::string* out, const Value& number);

bool IsInteger(const Value& number);                  // by value: 1.0 and 1e3 are
std::optional<int64_t> ToInt64(const Value& number);  // by value; nothing when it does not fit
std::optional<std::string> ToIntegerText(const Value& number);  // "-123...", nothing if no integer
double ToDouble(const Value& number);
long double ToLongDouble(const Value& number);
int NumberSign(const Value& number);  // -1, 0, 1

// From a computed float: an integer value becomes an integer. Wants a finite one.
Value NumberFromFloat(Arena& arena, long double value);
// From a double: the shortest text that means the same double (Go's strconv 'g', -1, 64).
Value NumberFromDouble(Arena& arena, double value);
Value NumberFromUint64(Arena& arena, uint64_t value);
// From whole decimal digits with optional '-': wants well-formed text.
Value NumberFromIntegerText(Arena& arena, std::string_view text);

int CompareNumbers(const Value& a, const Value& b);  // exact, by value
uint64_t HashNumber(const Value& number);

// Steps (BuiltinContext::Step) that an operation on these may take beyond one.
uint64_t NumberWork(const Value& a, const Value& b);

// Both operands numbers. kOutOfRange when the result would be too large; "divide by zero" and
// "modulo by zero", "modulo on floating-point number" are kOutOfRange too (builtin errors).
absl::StatusOr<Value> AddNumbers(Arena& arena, const Value& a, const Value& b);
absl::StatusOr<Value> SubtractNumbers(Arena& arena, const Value& a, const Value& b);
absl::StatusOr<Value> MultiplyNumbers(Arena& arena, const Value& a, const Value& b);
absl::StatusOr<Value> DivideNumbers(Arena& arena, const Value& a, const Value& b);
absl::StatusOr<Value> RemainderNumbers(Arena& arena, const Value& a, const Value& b);

enum class Rounding { kNearest, kFloor, kCeil };  // nearest: halves away from zero
absl::StatusOr<Value> RoundNumber(Arena& arena, const Value& number, Rounding rounding);

// Two's-complement bit operations on whole numbers of any size (`bits.*`).
enum class BitOp { kAnd, kOr, kXor };
absl::StatusOr<Value> BitOperation(Arena& arena, BitOp op, const Value& a, const Value& b);
absl::StatusOr<Value> BitNegate(Arena& arena, const Value& a);
// Left for positive counts, right (rounding down) for negative ones.
absl::StatusOr<Value> BitShift(Arena& arena, const Value& a, int64_t count);
// A whole number in base 2..36, lower case, "-" in front of negative ones.
absl::StatusOr<std::string> IntegerToBase(const Value& number, int base);

}  // namespace nacre::rego
