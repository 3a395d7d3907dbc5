// opa.runtime.
#include "policy/rego/builtins/common.h"
#include "policy/rego/builtins/register.h"

namespace nacre::rego {

void RegisterRuntime(BuiltinRegistry& registry) {
  registry.Register(
      {.name = "opa.runtime",
       .args = {},
       .result = kObject,
       .function = [](BuiltinContext& context, Args) -> Result { return context.runtime(); },
       .nondeterministic = true});
}

}  // namespace nacre::rego
