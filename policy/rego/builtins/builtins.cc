#include "policy/rego/builtins/builtins.h"

#include "policy/rego/builtins/register.h"

namespace nacre::rego {

void RegisterBuiltins(BuiltinRegistry& registry) {
  RegisterAggregates(registry);
  RegisterArrays(registry);
  RegisterCasts(registry);
  RegisterEncoding(registry);
  RegisterGraph(registry);
  RegisterJson(registry);
  RegisterJsonPaths(registry);
  RegisterNumbers(registry);
  RegisterObjects(registry);
  RegisterSemver(registry);
  RegisterSets(registry);
  RegisterSprintf(registry);
  RegisterStrings(registry);
  RegisterStringEdits(registry);
  RegisterTime(registry);
  RegisterUnits(registry);
  RegisterUri(registry);
  RegisterUuid(registry);
}

}  // namespace nacre::rego
