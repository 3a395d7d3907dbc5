// Rego modules and queries to syntax trees. Recursive descent whose depth is kMaxSyntaxDepth at
// most.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "policy/rego/ast.h"

namespace nacre::rego {

struct ParseOptions {
  // Rego v1: `if`, `contains`, `in` and `every` are keywords and rules need them. Otherwise v0,
  // where modules ask for them (import future.keywords, import rego.v1).
  bool v1 = true;
  uint16_t module = 0;  // index put into locations
};

// rego_parse_error with file, line and column.
absl::StatusOr<std::unique_ptr<Module>> ParseModule(std::string_view name, std::string_view text,
                                                    const ParseOptions& options = {});

// A query ("x := data.a.p; x > 1") as the body of the only rule of a module without package.
absl::StatusOr<std::unique_ptr<Module>> ParseQuery(std::string_view text,
                                                   const ParseOptions& options = {});

}  // namespace nacre::rego
