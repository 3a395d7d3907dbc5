// count, sum, product, max, min, sort, all, any.
#include <algorithm>

#include "policy/rego/builtins/common.h"
#include "policy/rego/builtins/register.h"
#include "policy/rego/builtins/utf8.h"
#include "policy/rego/number.h"

namespace nacre::rego {
namespace {

Result Count(BuiltinContext&, Args args) {
  const Value& value = args[0];
  if (value.is_string()) return Value::Int(static_cast<int64_t>(CountRunes(value.string())));
  if (value.is_collection()) return Value::Int(static_cast<int64_t>(value.size()));
  return OperandTypeError(1, "one of {array, object, set, string}", value);
}

absl::StatusOr<std::span<const Value>> Elements(Args args) {
  if (!args[0].is_array() && !args[0].is_set()) {
    return OperandTypeError(1, "one of {set, array}", args[0]);
  }
  return args[0].elements();
}

using Operation = absl::StatusOr<Value> (*)(Arena&, const Value&, const Value&);

Result Accumulate(BuiltinContext& context, Args args, int64_t start, Operation operation) {
  ASSIGN_OR_RETURN(std::span<const Value> elements, Elements(args));
  Value result = Value::Int(start);
  for (const Value& element : elements) {
    if (!element.is_number()) return OperandElementError(1, args[0], element, "number");
    RETURN_IF_ERROR(context.Step(1 + NumberWork(result, element)));
    auto next = operation(context.arena(), result, element);
    if (!next.ok()) return AsBuiltinError(next.status());
    result = *next;
  }
  return result;
}

Result Sum(BuiltinContext& context, Args args) { return Accumulate(context, args, 0, AddNumbers); }
Result Product(BuiltinContext& context, Args args) {
  return Accumulate(context, args, 1, MultiplyNumbers);
}

// Of equals the last one: 1 and 1.0 are equal but look different.
Result Max(BuiltinContext& context, Args args) {
  ASSIGN_OR_RETURN(std::span<const Value> elements, Elements(args));
  RETURN_IF_ERROR(context.Step(SortingWork(elements)));
  Value best;
  for (const Value& element : elements) {
    if (!best.defined() || Value::Compare(best, element) <= 0) best = element;
  }
  return best;
}

Result Min(BuiltinContext& context, Args args) {
  ASSIGN_OR_RETURN(std::span<const Value> elements, Elements(args));
  RETURN_IF_ERROR(context.Step(SortingWork(elements)));
  Value best;
  for (const Value& element : elements) {
    if (!best.defined() || Value::Compare(best, element) >= 0) best = element;
  }
  return best;
}

Result Sort(BuiltinContext& context, Args args) {
  ASSIGN_OR_RETURN(std::span<const Value> elements, Elements(args));
  RETURN_IF_ERROR(context.Step(elements.size() + SortingWork(elements)));
  // Equal numbers keep their order, for their texts may differ (1 and 1.0). Not std::stable_sort:
  // clang finds GCC's a user of deprecated functions.
  std::vector<const Value*> order;
  order.reserve(elements.size());
  for (const Value& element : elements) order.push_back(&element);
  std::sort(order.begin(), order.end(), [](const Value* a, const Value* b) {
    int compared = Value::Compare(*a, *b);
    return compared != 0 ? compared < 0 : a < b;
  });
  std::vector<Value> sorted;
  sorted.reserve(order.size());
  for (const Value* element : order) sorted.push_back(*element);
  return Value::Array(context.arena(), sorted);
}

Result All(BuiltinContext&, Args args) {
  ASSIGN_OR_RETURN(std::span<const Value> elements, Elements(args));
  return Value::Bool(std::all_of(elements.begin(), elements.end(),
                                 [](const Value& element) { return element.is_true(); }));
}

Result Any(BuiltinContext&, Args args) {
  ASSIGN_OR_RETURN(std::span<const Value> elements, Elements(args));
  return Value::Bool(std::any_of(elements.begin(), elements.end(),
                                 [](const Value& element) { return element.is_true(); }));
}

}  // namespace

void RegisterAggregates(BuiltinRegistry& registry) {
  constexpr KindMask kList = kArray | kSet;
  registry.Register({"count", {kString | kArray | kObject | kSet}, kNumber, Count});
  registry.Register({"sum", {kList}, kNumber, Sum});
  registry.Register({"product", {kList}, kNumber, Product});
  registry.Register({"max", {kList}, kAny, Max});
  registry.Register({"min", {kList}, kAny, Min});
  registry.Register({"sort", {kList}, kArray, Sort});
  registry.Register({"all", {kList}, kBoolean, All});
  registry.Register({"any", {kList}, kBoolean, Any});
}

}  // namespace nacre::rego
