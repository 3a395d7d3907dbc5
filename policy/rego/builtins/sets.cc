// union and intersection of a set of sets; set_diff.
#include <algorithm>

#include "policy/rego/builtins/common.h"
#include "policy/rego/builtins/register.h"

namespace nacre::rego {
namespace {

absl::Status WantSetOfSets(Args args) {
  RETURN_IF_ERROR(WantKind(args, 1, Kind::kSet));
  for (const Value& element : args[0].elements()) {
    if (!element.is_set()) return OperandTypeError(1, "set", element);
  }
  return absl::OkStatus();
}

Result Union(BuiltinContext& context, Args args) {
  RETURN_IF_ERROR(WantSetOfSets(args));
  SetBuilder out(context.arena());
  for (const Value& set : args[0].elements()) {
    RETURN_IF_ERROR(context.Step(set.size()));
    for (const Value& member : set.elements()) out.Add(member);
  }
  return out.Build();
}

Result Intersection(BuiltinContext& context, Args args) {
  RETURN_IF_ERROR(WantSetOfSets(args));
  if (args[0].size() == 0) return Value::EmptySet();
  std::span<const Value> sets = args[0].elements();
  SetBuilder out(context.arena());
  RETURN_IF_ERROR(context.Step((sets[0].size() + SortingWork(sets[0].elements())) * sets.size()));
  for (const Value& member : sets[0].elements()) {
    bool everywhere = std::all_of(sets.begin() + 1, sets.end(),
                                  [&](const Value& set) { return set.Contains(member); });
    if (everywhere) out.Add(member);
  }
  return out.Build();
}

Result Difference(BuiltinContext& context, Args args) {
  RETURN_IF_ERROR(WantKind(args, 1, Kind::kSet));
  RETURN_IF_ERROR(WantKind(args, 2, Kind::kSet));
  RETURN_IF_ERROR(context.Step(args[0].size() + SortingWork(args[0].elements())));
  SetBuilder out(context.arena());
  for (const Value& member : args[0].elements()) {
    if (!args[1].Contains(member)) out.Add(member);
  }
  return out.Build();
}

}  // namespace

void RegisterSets(BuiltinRegistry& registry) {
  registry.Register({"union", {kSet}, kSet, Union});
  registry.Register({"intersection", {kSet}, kSet, Intersection});
  registry.Register({"set_diff", {kSet, kSet}, kSet, Difference});
}

}  // namespace nacre::rego
