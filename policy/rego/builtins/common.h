// What the builtins share: their operands as C++ types, with OPA's words when they are not, and the
// bound on what one call may produce.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/strings.h"
#include "policy/rego/builtin.h"
#include "policy/rego/value.h"

namespace nacre::rego {

using Args = std::span<const Value>;
using Result = absl::StatusOr<Value>;

// The largest text one call gives or makes on its way to a smaller result.
inline constexpr size_t kMaxTextBytes = 16 << 20;

// The operand (counted from 1) as its C++ type; "operand 1 must be string but got number"
// otherwise.
absl::StatusOr<std::string_view> StringArg(Args args, int operand);
absl::StatusOr<bool> BoolArg(Args args, int operand);
// Whole numbers that fit 64 bits.
absl::StatusOr<int64_t> IntArg(Args args, int operand);
// An array or a set of strings, or with `or_string` one string.
absl::StatusOr<std::vector<std::string_view>> StringsArg(Args args, int operand,
                                                         bool or_string = false);

// "operand 1 must be array of numbers but got array containing string"
absl::Status OperandElementError(int operand, const Value& composite, const Value& element,
                                 std::string_view want);

// text.find(search, from), in time linear in the text whatever is looked for.
size_t FindText(std::string_view text, std::string_view search, size_t from = 0);

inline Value Text(BuiltinContext& context, std::string_view text) {
  return Value::String(context.arena(), text);
}
// Ends the evaluation: kResourceExhausted once `size` is past kMaxTextBytes.
absl::Status CheckTextSize(size_t size);
// A helper's failure as eval_builtin_error; what ends the evaluation stays what it is.
absl::Status AsBuiltinError(const absl::Status& status);
// Compact JSON as Go's encoding/json writes it: <, >, & and the line separators of Unicode escaped.
std::string GoJson(const Value& value);
Value StringArray(BuiltinContext& context, std::span<const std::string_view> texts);

// fn(text) -> text, as a builtin.
template <typename Function>
BuiltinFunction TextFunction(Function function) {
  return [function](BuiltinContext& context, Args args) -> Result {
    ASSIGN_OR_RETURN(std::string_view text, StringArg(args, 1));
    return Text(context, function(text));
  };
}
// fn(text, text) -> bool, as a builtin.
template <typename Function>
BuiltinFunction TextTest(Function function) {
  return [function](BuiltinContext&, Args args) -> Result {
    ASSIGN_OR_RETURN(std::string_view a, StringArg(args, 1));
    ASSIGN_OR_RETURN(std::string_view b, StringArg(args, 2));
    return Value::Bool(function(a, b));
  };
}

}  // namespace nacre::rego
