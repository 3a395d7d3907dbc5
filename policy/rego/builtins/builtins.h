// Every builtin function of OPA that needs no network: one file a family, each with a Register...
// function that standard_builtins.cc calls through RegisterBuiltins.
#pragma once

#include "policy/rego/builtin.h"

namespace nacre::rego {

void RegisterBuiltins(BuiltinRegistry& registry);

}  // namespace nacre::rego
