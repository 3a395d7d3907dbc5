// array.concat, flatten, reverse, slice.
#include <algorithm>

#include "policy/rego/builtins/common.h"
#include "policy/rego/builtins/register.h"

namespace nacre::rego {
namespace {

Result Concat(BuiltinContext& context, Args args) {
  RETURN_IF_ERROR(WantKind(args, 1, Kind::kArray));
  RETURN_IF_ERROR(WantKind(args, 2, Kind::kArray));
  if (args[0].size() == 0) return args[1];
  if (args[1].size() == 0) return args[0];
  ArrayBuilder out(context.arena(), args[0].size() + args[1].size());
  for (const Value& element : args[0].elements()) out.Add(element);
  for (const Value& element : args[1].elements()) out.Add(element);
  return out.Build();
}

// One level only.
Result Flatten(BuiltinContext& context, Args args) {
  RETURN_IF_ERROR(WantKind(args, 1, Kind::kArray));
  ArrayBuilder out(context.arena(), args[0].size());
  for (const Value& element : args[0].elements()) {
    if (!element.is_array()) {
      out.Add(element);
      continue;
    }
    for (const Value& inner : element.elements()) out.Add(inner);
    RETURN_IF_ERROR(context.Step(element.size()));
  }
  return out.Build();
}

Result Reverse(BuiltinContext& context, Args args) {
  RETURN_IF_ERROR(WantKind(args, 1, Kind::kArray));
  std::span<const Value> elements = args[0].elements();
  ArrayBuilder out(context.arena(), elements.size());
  for (size_t i = elements.size(); i > 0; --i) out.Add(elements[i - 1]);
  return out.Build();
}

// From start up to, not including, stop; both are moved into the array.
Result Slice(BuiltinContext& context, Args args) {
  RETURN_IF_ERROR(WantKind(args, 1, Kind::kArray));
  ASSIGN_OR_RETURN(int64_t start, IntArg(args, 2));
  ASSIGN_OR_RETURN(int64_t stop, IntArg(args, 3));
  int64_t size = static_cast<int64_t>(args[0].size());
  stop = std::clamp<int64_t>(stop, 0, size);
  start = std::clamp<int64_t>(start, 0, stop);
  if (start == 0 && stop == size) return args[0];
  return Value::Array(context.arena(),
                      args[0].elements().subspan(size_t(start), size_t(stop - start)));
}

}  // namespace

void RegisterArrays(BuiltinRegistry& registry) {
  registry.Register({"array.concat", {kArray, kArray}, kArray, Concat});
  registry.Register({"array.flatten", {kArray}, kArray, Flatten});
  registry.Register({"array.reverse", {kArray}, kArray, Reverse});
  registry.Register({"array.slice", {kArray, kNumber, kNumber}, kArray, Slice});
}

}  // namespace nacre::rego
