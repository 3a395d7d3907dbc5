#include "policy/rego/builtins/common.h"

#include "policy/rego/json.h"
#include "policy/rego/number.h"

namespace nacre::rego {

absl::StatusOr<std::string_view> StringArg(Args args, int operand) {
  RETURN_IF_ERROR(WantKind(args, operand, Kind::kString));
  return args[static_cast<size_t>(operand) - 1].string();
}

absl::StatusOr<bool> BoolArg(Args args, int operand) {
  RETURN_IF_ERROR(WantKind(args, operand, Kind::kBool));
  return args[static_cast<size_t>(operand) - 1].boolean();
}

absl::StatusOr<int64_t> IntArg(Args args, int operand) {
  RETURN_IF_ERROR(WantKind(args, operand, Kind::kNumber));
  std::optional<int64_t> number = ToInt64(args[static_cast<size_t>(operand) - 1]);
  if (number.has_value()) return *number;
  return TypeError(
      StrCat("operand ", operand, " must be integer number but got floating-point number"));
}

absl::StatusOr<std::vector<std::string_view>> StringsArg(Args args, int operand, bool or_string) {
  const Value& value = args[static_cast<size_t>(operand) - 1];
  std::vector<std::string_view> out;
  if (or_string && value.is_string()) return std::vector{value.string()};
  if (!value.is_array() && !value.is_set()) {
    return OperandTypeError(
        operand, or_string ? "one of {string, set, array}" : "one of {array, set}", value);
  }
  out.reserve(value.size());
  for (const Value& element : value.elements()) {
    if (!element.is_string()) return OperandElementError(operand, value, element, "string");
    out.push_back(element.string());
  }
  return out;
}

absl::Status OperandElementError(int operand, const Value& composite, const Value& element,
                                 std::string_view want) {
  std::string_view kind = KindName(composite.kind());
  return TypeError(StrCat("operand ", operand, " must be ", kind, " of ", want, "s but got ", kind,
                          " containing ", KindName(element.kind())));
}

absl::Status CheckTextSize(size_t size) {
  if (size <= kMaxTextBytes) return absl::OkStatus();
  return absl::ResourceExhaustedError(StrCat("result is larger than ", kMaxTextBytes, " bytes"));
}

absl::Status AsBuiltinError(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kResourceExhausted:  // budgets end the evaluation
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kAborted:
      return status;
    default:
      return BuiltinError(Message(status));
  }
}

std::string GoJson(const Value& value) {
  std::string out = ToJson(value, {.escape_html = true});
  for (auto [text, escape] : {std::pair{"\u2028", "\\u2028"}, std::pair{"\u2029", "\\u2029"}}) {
    for (size_t at = out.find(text); at != out.npos; at = out.find(text, at)) {
      out.replace(at, 3, escape);
    }
  }
  return out;
}

Value StringArray(BuiltinContext& context, std::span<const std::string_view> texts) {
  ArrayBuilder builder(context.arena(), texts.size());
  for (std::string_view text : texts) builder.Add(Text(context, text));
  return builder.Build();
}

}  // namespace nacre::rego
