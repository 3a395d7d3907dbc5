// The halves of Go's Sprintf: reading the format (go_sprintf.cc) and laying out one argument
// (go_sprintf_value.cc).
#pragma once

#include <string>

#include "policy/rego/builtins/go_sprintf.h"

namespace nacre::rego {

// What stands between the percent sign and the verb.
struct FormatFlags {
  bool plus = false, minus = false, sharp = false, space = false, zero = false;
  bool plus_v = false, sharp_v = false;
  bool has_width = false, has_precision = false;
  int width = 0, precision = 0;
};

// The argument laid out for the verb, or Go's complaint that the verb does not fit.
void AppendArgument(std::string* out, const FormatFlags& flags, char32_t verb,
                    const FormatArgument& argument);
std::string_view ArgumentTypeName(const FormatArgument& argument);

}  // namespace nacre::rego
