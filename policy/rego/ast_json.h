// A module's syntax tree as the JSON that OPA gives for it (rego.parse_module, `opa parse`).
#pragma once

#include "policy/rego/ast.h"
#include "policy/rego/builtin.h"

namespace nacre::rego {

Value ModuleToValue(Arena& arena, const Module& module);

// rego.parse_module(filename, text), rego.metadata.chain() and rego.metadata.rule().
void RegisterSyntaxBuiltins(BuiltinRegistry& registry);

}  // namespace nacre::rego
