// What a plain (unquoted) YAML scalar means, as Go's yaml.v3 reads it: null, booleans, whole
// numbers in several bases, floats; everything else is text. "yes" and dates are text, too, but are
// quoted when written, for the sake of older readers.
#pragma once

#include <string>
#include <string_view>

#include "policy/rego/builtins/common.h"

namespace nacre::rego {

// kInvalidArgument for .inf and .nan, which have no value in JSON.
absl::StatusOr<Value> ResolvePlainScalar(BuiltinContext& context, std::string_view text);

// The text as a YAML scalar: plain, quoted, or a literal block whose lines stand at `indent`.
std::string WriteYamlScalar(std::string_view text, size_t indent, bool is_key);

}  // namespace nacre::rego
