// Annotations: comment blocks that begin with "# METADATA", whose rest is YAML, in front of a
// package or a rule. rego.metadata.rule() and .chain() are known when compiling.
#pragma once

#include <vector>

#include "policy/rego/ast.h"
#include "policy/rego/builtin.h"

namespace nacre::rego {

// [{"path": [...], "annotations": {...}}, ...] from the rule out: its own (with the path always,
// the annotations if it has some), those of its document, its package and the packages above that
// say so. Values are made in `arena`. Blocks that are no YAML objects are passed over.
Value MetadataChain(const std::vector<const Module*>& modules, const Module& module,
                    const Rule& rule, const BuiltinRegistry& builtins, Arena& arena);
// The rule's own annotations, an empty object if it has none.
Value MetadataOfRule(const Module& module, const Rule& rule, const BuiltinRegistry& builtins,
                     Arena& arena);

}  // namespace nacre::rego
