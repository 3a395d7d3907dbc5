// Go's fmt.Sprintf over the four kinds of argument that Rego's sprintf hands it: verbs, flags,
// width, precision, "*", argument indexes, and Go's words for what does not fit ("%!d(string=x)").
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "base/status.h"

namespace nacre::rego {

// An integer past 64 bits, in decimal digits with an optional minus.
struct BigDecimal {
  std::string digits;
};
using FormatArgument = std::variant<int64_t, BigDecimal, double, std::string>;

// kResourceExhausted when the result would be larger than `max_size`.
absl::StatusOr<std::string> GoSprintf(std::string_view format,
                                      std::span<const FormatArgument> arguments, size_t max_size);

// A double as Go's strconv.FormatFloat writes it: verb e, f or g; precision -1 for the shortest
// text that reads back as the same number.
std::string FormatDouble(double value, char verb, int precision);

// The digits of a non-negative decimal number in base 2, 8 or 16 (lower case).
std::string DecimalToBase(std::string_view digits, int base);

}  // namespace nacre::rego
