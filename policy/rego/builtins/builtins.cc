#include "policy/rego/builtins/builtins.h"

#include "policy/rego/builtins/register.h"

namespace nacre::rego {

void RegisterBuiltins(BuiltinRegistry& registry) {
  RegisterAggregates(registry);
  RegisterArrays(registry);
  RegisterCasts(registry);
  RegisterCrypto(registry);
  RegisterEncoding(registry);
  RegisterGlob(registry);
  RegisterGraph(registry);
  RegisterHttp(registry);
  RegisterJson(registry);
  RegisterJsonPatch(registry);
  RegisterJsonPaths(registry);
  RegisterJsonSchema(registry);
  RegisterJwt(registry);
  RegisterJwtSign(registry);
  RegisterNet(registry);
  RegisterNumbers(registry);
  RegisterObjects(registry);
  RegisterRegex(registry);
  RegisterRuntime(registry);
  RegisterSemver(registry);
  RegisterSets(registry);
  RegisterSprintf(registry);
  RegisterStrings(registry);
  RegisterStringEdits(registry);
  RegisterTemplate(registry);
  RegisterTime(registry);
  RegisterUnits(registry);
  RegisterUri(registry);
  RegisterUuid(registry);
  RegisterX509(registry);
  RegisterYaml(registry);
}

}  // namespace nacre::rego
