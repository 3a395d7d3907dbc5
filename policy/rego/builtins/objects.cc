// object.get, filter, remove, keys, union, union_n, subset.
#include <algorithm>

#include "policy/rego/builtins/common.h"
#include "policy/rego/builtins/register.h"

namespace nacre::rego {
namespace {

// Down a path of keys (an array), or one key.
Result Get(BuiltinContext&, Args args) {
  RETURN_IF_ERROR(WantKind(args, 1, Kind::kObject));
  Value found = args[0];
  if (!args[1].is_array()) {
    found = found.Get(args[1]);
  } else {
    for (const Value& key : args[1].elements()) {
      found = found.Get(key);
      if (!found.defined()) break;
    }
  }
  return found.defined() ? found : args[2];
}

Result Keys(BuiltinContext& context, Args args) {
  RETURN_IF_ERROR(WantKind(args, 1, Kind::kObject));
  SetBuilder out(context.arena(), args[0].size());
  for (const Member& member : args[0].members()) out.Add(member.key);
  return out.Build();
}

// A test for membership in the second operand: array, set, or object by its keys.
absl::StatusOr<Value> KeySet(BuiltinContext& context, Args args) {
  const Value& keys = args[1];
  if (keys.is_set() || keys.is_object()) return keys;
  if (!keys.is_array()) return OperandTypeError(2, "one of {object, set, array}", keys);
  SetBuilder out(context.arena(), keys.size());
  for (const Value& key : keys.elements()) out.Add(key);
  return out.Build();
}

Result Select(BuiltinContext& context, Args args, bool keep) {
  RETURN_IF_ERROR(WantKind(args, 1, Kind::kObject));
  ASSIGN_OR_RETURN(Value keys, KeySet(context, args));
  ObjectBuilder out(context.arena(), args[0].size());
  for (const Member& member : args[0].members()) {
    if (keys.Contains(member.key) == keep) out.Set(member.key, member.value);
  }
  return out.Build();
}

// b over a; objects under one key are merged in the same way. Depth is bounded by that of values.
Value Merge(BuiltinContext& context, const Value& a, const Value& b) {
  ObjectBuilder out(context.arena(), a.size() + b.size());
  for (const Member& member : a.members()) out.Set(member.key, member.value);
  for (const Member& member : b.members()) {
    Value old = member.value.is_object() ? a.Get(member.key) : Value();
    bool both = old.is_object();
    out.Set(member.key, both ? Merge(context, old, member.value) : member.value);
  }
  return out.Build();
}

Result Union(BuiltinContext& context, Args args) {
  RETURN_IF_ERROR(WantKind(args, 1, Kind::kObject));
  RETURN_IF_ERROR(WantKind(args, 2, Kind::kObject));
  return Merge(context, args[0], args[1]);
}

Result UnionN(BuiltinContext& context, Args args) {
  RETURN_IF_ERROR(WantKind(args, 1, Kind::kArray));
  std::vector<Value> parts;
  for (const Value& object : args[0].elements()) {
    if (!object.is_object()) return OperandElementError(1, args[0], object, "object");
    parts.push_back(object);
  }
  if (parts.empty()) return Value::EmptyObject();
  // Neighbours in pairs, so that each member is copied a logarithmic number of times.
  while (parts.size() > 1) {
    size_t kept = 0;
    for (size_t i = 0; i + 1 < parts.size(); i += 2) {
      RETURN_IF_ERROR(context.Step(parts[i].size() + parts[i + 1].size()));
      parts[kept++] = Merge(context, parts[i], parts[i + 1]);
    }
    if (parts.size() % 2 == 1) parts[kept++] = parts.back();
    parts.resize(kept);
  }
  return parts[0];
}

bool SetHolds(const Value& super, const Value& sub) {
  return std::all_of(sub.elements().begin(), sub.elements().end(),
                     [&](const Value& member) { return super.Contains(member); });
}

// A run of `super` that equals `sub`, as OPA looks for it: after a mismatch it goes on one further,
// without returning to what matched in between.
absl::StatusOr<bool> ArrayHolds(BuiltinContext& context, const Value& super, const Value& sub) {
  std::span<const Value> all = super.elements();
  std::span<const Value> some = sub.elements();
  if (some.size() > all.size()) return false;
  for (size_t start = 0; start + some.size() <= all.size(); ++start) {
    size_t same = 0;
    while (same < some.size() && all[start + same] == some[same]) ++same;
    RETURN_IF_ERROR(context.Step(1 + same));
    if (same == some.size()) return true;
  }
  return false;
}

absl::StatusOr<bool> Holds(BuiltinContext& context, const Value& super, const Value& sub);

absl::StatusOr<bool> ObjectHolds(BuiltinContext& context, const Value& super, const Value& sub) {
  for (const Member& member : sub.members()) {
    Value found = super.Get(member.key);
    if (!found.defined()) return false;
    if (found == member.value) continue;
    if (found.kind() != member.value.kind() || !found.is_collection()) return false;
    ASSIGN_OR_RETURN(bool holds, Holds(context, found, member.value));
    if (!holds) return false;
  }
  return true;
}

absl::StatusOr<bool> Holds(BuiltinContext& context, const Value& super, const Value& sub) {
  RETURN_IF_ERROR(context.Step(1 + sub.size()));
  if (super.is_object()) return ObjectHolds(context, super, sub);
  if (super.is_set()) return SetHolds(super, sub);
  return ArrayHolds(context, super, sub);
}

Result Subset(BuiltinContext& context, Args args) {
  const Value& super = args[0];
  const Value& sub = args[1];
  if (super.is_array() && sub.is_set()) {
    RETURN_IF_ERROR(context.Step(super.size()));
    SetBuilder members(context.arena(), super.size());
    for (const Value& element : super.elements()) members.Add(element);
    // OPA's empty set is in every array but the empty one.
    return Value::Bool(super.size() > 0 && SetHolds(members.Build(), sub));
  }
  if (super.kind() != sub.kind() || !super.is_collection()) {
    return TypeError("both arguments object.subset must be of the same type or array and set");
  }
  ASSIGN_OR_RETURN(bool holds, Holds(context, super, sub));
  return Value::Bool(holds);
}

}  // namespace

void RegisterObjects(BuiltinRegistry& registry) {
  constexpr KindMask kKeys = kArray | kObject | kSet;
  registry.Register({"object.get", {kObject, kAny, kAny}, kAny, Get});
  registry.Register({"object.keys", {kObject}, kSet, Keys});
  registry.Register(
      {"object.filter", {kObject, kKeys}, kObject, [](BuiltinContext& context, Args args) {
         return Select(context, args, true);
       }});
  registry.Register(
      {"object.remove", {kObject, kKeys}, kObject, [](BuiltinContext& context, Args args) {
         return Select(context, args, false);
       }});
  registry.Register({"object.union", {kObject, kObject}, kObject, Union});
  registry.Register({"object.union_n", {kArray}, kObject, UnionN});
  registry.Register({"object.subset", {kKeys, kKeys}, kBoolean, Subset});
}

}  // namespace nacre::rego
