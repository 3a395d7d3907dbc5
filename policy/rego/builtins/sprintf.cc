// sprintf: Go's Sprintf over Rego values. Whole numbers as they are written, numbers with a point
// or an exponent as floats, strings as strings, everything else as the text of a Rego term.
#include <cmath>

#include "policy/rego/builtins/common.h"
#include "policy/rego/builtins/go_sprintf.h"
#include "policy/rego/builtins/register.h"
#include "policy/rego/number.h"

namespace nacre::rego {
namespace {

FormatArgument NumberArgument(const Value& number) {
  if (number.is_small()) return number.small();
  std::string_view text = number.number_text();
  if (text.find_first_of(".eE") == text.npos) {
    int64_t small = 0;
    if (ParseNumber(text, &small)) return small;
    return BigDecimal{std::string(text)};
  }
  double real = ToDouble(number);
  if (std::isinf(real)) return std::string(text);
  return real;
}

Result Sprintf(BuiltinContext& context, Args args) {
  ASSIGN_OR_RETURN(std::string_view format, StringArg(args, 1));
  RETURN_IF_ERROR(WantKind(args, 2, Kind::kArray));
  std::vector<FormatArgument> arguments;
  size_t size = format.size();
  for (const Value& value : args[1].elements()) {
    if (value.is_string()) {
      arguments.emplace_back(std::string(value.string()));
    } else if (value.is_number()) {
      arguments.push_back(NumberArgument(value));
    } else {
      arguments.emplace_back(ToRego(value));
    }
    if (auto* text = std::get_if<std::string>(&arguments.back())) size += text->size();
    RETURN_IF_ERROR(CheckTextSize(size));
    RETURN_IF_ERROR(context.Step(1 + size / 64));
  }
  ASSIGN_OR_RETURN(std::string text, GoSprintf(format, arguments, kMaxTextBytes));
  RETURN_IF_ERROR(context.Step(text.size() / 16));
  return Text(context, text);
}

}  // namespace

void RegisterSprintf(BuiltinRegistry& registry) {
  registry.Register({"sprintf", {kString, kArray}, kString, Sprintf});
}

}  // namespace nacre::rego
