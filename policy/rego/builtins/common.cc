#include "policy/rego/builtins/common.h"

#include <cstring>

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
  constexpr std::string_view kSeparators = "\xe2\x80";  // U+2028 and U+2029 but for the last byte
  std::string json = ToJson(value, {.escape_html = true});
  std::string out;
  size_t done = 0;
  for (size_t at = json.find(kSeparators); at != json.npos; at = json.find(kSeparators, at + 1)) {
    char last = at + 2 < json.size() ? json[at + 2] : '\0';
    if (last != '\xa8' && last != '\xa9') continue;
    out.append(json, done, at - done);
    out.append(last == '\xa8' ? "\\u2028" : "\\u2029");
    done = at + 3;
  }
  if (done == 0) return json;
  return out.append(json, done);
}

// memmem is the two-way algorithm; string_view's find is not.
size_t FindText(std::string_view text, std::string_view search, size_t from) {
  if (from > text.size()) return text.npos;
  if (search.empty()) return from;
  const void* found = memmem(text.data() + from, text.size() - from, search.data(), search.size());
  return found == nullptr ? text.npos
                          : static_cast<size_t>(static_cast<const char*>(found) - text.data());
}

Value StringArray(BuiltinContext& context, std::span<const std::string_view> texts) {
  ArrayBuilder builder(context.arena(), texts.size());
  for (std::string_view text : texts) builder.Add(Text(context, text));
  return builder.Build();
}

}  // namespace nacre::rego
