#include "policy/rego/operators.h"

#include <algorithm>
#include <iterator>
#include <map>

#include "policy/rego/ast_json.h"
#include "policy/rego/builtins/builtins.h"
#include "policy/rego/number.h"

namespace nacre::rego {
namespace {

constexpr std::string_view kArithmeticNames[] = {"plus", "minus", "mul", "div", "rem", "and", "or"};

Value SetOperation(Arena& arena, Arith op, const Value& left, const Value& right) {
  SetBuilder out(arena, left.size());
  auto a = left.elements(), b = right.elements();
  size_t i = 0, k = 0;
  while (i < a.size() || k < b.size()) {
    int order = i == a.size() ? 1 : k == b.size() ? -1 : Value::Compare(a[i], b[k]);
    if (op == Arith::kOr || (op == Arith::kAnd && order == 0) ||
        (op == Arith::kMinus && order < 0)) {
      out.Add(order <= 0 ? a[i] : b[k]);
    }
    i += order <= 0;
    k += order >= 0;
  }
  return out.Build();
}

absl::Status WantSets(const Value& left, const Value& right) {
  if (!left.is_set()) return OperandTypeError(1, "set", left);
  if (!right.is_set()) return OperandTypeError(2, "set", right);
  return absl::OkStatus();
}

absl::StatusOr<Value> Minus(Arena& arena, const Value& left, const Value& right) {
  if (left.is_set() && right.is_set()) return SetOperation(arena, Arith::kMinus, left, right);
  if (left.is_number() && right.is_number()) return SubtractNumbers(arena, left, right);
  if (left.is_set() || left.is_number()) {
    return OperandTypeError(2, KindName(left.kind()), right);
  }
  return OperandTypeError(1, "one of {number, set}", left);
}

BuiltinFunction Compare(bool (*holds)(int order)) {
  return [holds](BuiltinContext&, std::span<const Value> args) -> absl::StatusOr<Value> {
    return Value::Bool(holds(Value::Compare(args[0], args[1])));
  };
}

absl::StatusOr<Value> Member2(BuiltinContext&, std::span<const Value> args) {
  const Value& domain = args[1];
  if (domain.is_set()) return Value::Bool(domain.Contains(args[0]));
  if (domain.is_array()) {
    auto all = domain.elements();
    return Value::Bool(std::find(all.begin(), all.end(), args[0]) != all.end());
  }
  if (!domain.is_object()) return Value::Bool(false);
  auto all = domain.members();
  return Value::Bool(std::any_of(all.begin(), all.end(),
                                 [&](const Member& member) { return member.value == args[0]; }));
}

absl::StatusOr<Value> Member3(BuiltinContext&, std::span<const Value> args) {
  Value found = args[2].Get(args[0]);
  return Value::Bool(found.defined() && found == args[1]);
}

}  // namespace

std::string_view ArithmeticName(Arith op) { return kArithmeticNames[static_cast<size_t>(op)]; }

absl::StatusOr<Value> ApplyArithmetic(Arena& arena, Arith op, const Value& left,
                                      const Value& right) {
  if (op == Arith::kMinus) return Minus(arena, left, right);
  if (op == Arith::kAnd || op == Arith::kOr) {
    absl::Status sets = WantSets(left, right);
    if (!sets.ok()) return sets;
    return SetOperation(arena, op, left, right);
  }
  if (!left.is_number()) return OperandTypeError(1, "number", left);
  if (!right.is_number()) return OperandTypeError(2, "number", right);
  switch (op) {
    case Arith::kPlus:
      return AddNumbers(arena, left, right);
    case Arith::kTimes:
      return MultiplyNumbers(arena, left, right);
    case Arith::kDivide:
      return DivideNumbers(arena, left, right);
    default:
      return RemainderNumbers(arena, left, right);
  }
}

void RegisterOperators(BuiltinRegistry& registry) {
  for (size_t i = 0; i < std::size(kArithmeticNames); ++i) {
    auto op = static_cast<Arith>(i);
    bool sets = op == Arith::kAnd || op == Arith::kOr;
    KindMask kinds = sets ? kSet : op == Arith::kMinus ? KindMask(kNumber | kSet) : kNumber;
    registry.Register({.name = std::string(kArithmeticNames[i]),
                       .args = {kinds, kinds},
                       .result = kinds,
                       .function = [op](BuiltinContext& context, std::span<const Value> args) {
                         return ApplyArithmetic(context.arena(), op, args[0], args[1]);
                       }});
  }
  const std::pair<const char*, bool (*)(int)> comparisons[] = {
      {"eq", [](int order) { return order == 0; }},
      {"equal", [](int order) { return order == 0; }},
      {"neq", [](int order) { return order != 0; }},
      {"lt", [](int order) { return order < 0; }},
      {"lte", [](int order) { return order <= 0; }},
      {"gt", [](int order) { return order > 0; }},
      {"gte", [](int order) { return order >= 0; }},
  };
  for (const auto& [name, holds] : comparisons) {
    registry.Register(
        {.name = name, .args = {kAny, kAny}, .result = kBoolean, .function = Compare(holds)});
  }
  registry.Register(
      {.name = "internal.member_2", .args = {kAny, kAny}, .result = kBoolean, .function = Member2});
  registry.Register({.name = "internal.member_3",
                     .args = {kAny, kAny, kAny},
                     .result = kBoolean,
                     .function = Member3});
}

const BuiltinRegistry& StandardBuiltins() {
  static const BuiltinRegistry* registry = [] {
    auto* made = new BuiltinRegistry;
    RegisterOperators(*made);
    RegisterSyntaxBuiltins(*made);
    RegisterBuiltins(*made);
    return made;
  }();
  return *registry;
}

}  // namespace nacre::rego
