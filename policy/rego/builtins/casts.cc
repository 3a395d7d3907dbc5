// to_number, cast_*, is_*, type_name.
#include <optional>

#include "policy/rego/builtins/common.h"
#include "policy/rego/builtins/go_quote.h"
#include "policy/rego/builtins/register.h"
#include "policy/rego/builtins/utf8.h"
#include "policy/rego/number.h"

namespace nacre::rego {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// What Go's strconv.ParseFloat takes and JSON does not, as JSON: a plus sign, zeros in front, a
// point without digits on one side, underscores never. Nothing when it is no decimal number.
std::optional<std::string> DecimalAsJson(std::string_view text) {
  std::string out;
  if (text.starts_with('-')) out = "-";
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  size_t whole = 0;
  while (whole < text.size() && IsDigit(text[whole])) ++whole;
  size_t fraction = 0;
  bool point = whole < text.size() && text[whole] == '.';
  size_t at = whole + (point ? 1 : 0);
  while (at + fraction < text.size() && IsDigit(text[at + fraction])) ++fraction;
  if (whole + fraction == 0) return std::nullopt;
  std::string_view integer = text.substr(0, whole);
  while (integer.size() > 1 && integer[0] == '0') integer.remove_prefix(1);
  StrAppend(&out, integer.empty() ? "0" : integer);
  if (fraction > 0) StrAppend(&out, ".", text.substr(at, fraction));
  std::string_view exponent = text.substr(at + fraction);
  if (exponent.empty()) return out;
  if (exponent[0] != 'e' && exponent[0] != 'E') return std::nullopt;
  exponent.remove_prefix(1);
  std::string_view digits = exponent;
  if (digits.starts_with('+') || digits.starts_with('-')) digits.remove_prefix(1);
  if (digits.empty()) return std::nullopt;
  for (char c : digits) {
    if (!IsDigit(c)) return std::nullopt;
  }
  StrAppend(&out, "e", exponent);
  return out;
}

Result ToNumber(BuiltinContext& context, Args args) {
  const Value& value = args[0];
  if (value.is_null()) return Value::Int(0);
  if (value.is_bool()) return Value::Int(value.boolean() ? 1 : 0);
  if (value.is_number()) return value;
  if (!value.is_string()) {
    return OperandTypeError(1, "one of {null, boolean, number, string}", value);
  }
  std::string_view text = value.string();
  std::string bare = ToLower(text);
  bare.erase(0, std::min(bare.find_first_not_of("+-"), bare.size()));
  if (bare == "inf" || bare == "infinity" || bare == "nan") {
    return OperandTypeError(1, "valid number string", value);
  }
  std::optional<std::string> decimal = DecimalAsJson(text);
  if (!decimal.has_value()) {
    return BuiltinError(StrCat("strconv.ParseFloat: parsing ", GoQuote(text), ": invalid syntax"));
  }
  auto number = NumberFromText(context.arena(), *decimal);
  if (number.ok() && std::abs(ToDouble(*number)) <= std::numeric_limits<double>::max()) {
    return number;
  }
  return BuiltinError(
      StrCat("strconv.ParseFloat: parsing ", GoQuote(text), ": value out of range"));
}

Result CastList(BuiltinContext& context, Args args, Kind kind) {
  const Value& value = args[0];
  if (value.kind() == kind) return value;
  if (!value.is_array() && !value.is_set()) {
    return OperandTypeError(1, "one of {array, set}", value);
  }
  if (kind == Kind::kArray) return Value::Array(context.arena(), value.elements());
  SetBuilder out(context.arena(), value.size());
  for (const Value& element : value.elements()) out.Add(element);
  return out.Build();
}

BuiltinFunction Cast(Kind kind) {
  return [kind](BuiltinContext&, Args args) -> Result {
    RETURN_IF_ERROR(WantKind(args, 1, kind));
    return args[0];
  };
}

BuiltinFunction Is(Kind kind) {
  return
      [kind](BuiltinContext&, Args args) -> Result { return Value::Bool(args[0].kind() == kind); };
}

}  // namespace

void RegisterCasts(BuiltinRegistry& registry) {
  registry.Register({"to_number", {kNull | kBoolean | kNumber | kString}, kNumber, ToNumber});
  registry.Register({"cast_array", {kAny}, kArray, [](BuiltinContext& context, Args args) {
                       return CastList(context, args, Kind::kArray);
                     }});
  registry.Register({"cast_set", {kAny}, kSet, [](BuiltinContext& context, Args args) {
                       return CastList(context, args, Kind::kSet);
                     }});
  struct {
    std::string_view name;
    Kind kind;
  } const kKinds[] = {{"null", Kind::kNull},     {"boolean", Kind::kBool},
                      {"number", Kind::kNumber}, {"string", Kind::kString},
                      {"array", Kind::kArray},   {"object", Kind::kObject},
                      {"set", Kind::kSet}};
  for (const auto& [name, kind] : kKinds) {
    registry.Register({StrCat("is_", name), {kAny}, kBoolean, Is(kind)});
    bool list = kind == Kind::kArray || kind == Kind::kSet;
    if (list || kind == Kind::kNumber) continue;
    registry.Register({StrCat("cast_", name), {kAny}, MaskOf(kind), Cast(kind)});
  }
  registry.Register({"type_name", {kAny}, kString, [](BuiltinContext&, Args args) -> Result {
                       return Value::BorrowString(KindName(args[0].kind()));
                     }});
}

}  // namespace nacre::rego
