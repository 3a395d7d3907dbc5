#include "policy/rego/builtins/builtins.h"

namespace nacre::rego {

void RegisterBuiltins(BuiltinRegistry&) {}

}  // namespace nacre::rego
