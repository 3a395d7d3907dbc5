// Paths into documents: "a/b~1c" or ["a", "b/c"].
#pragma once

#include <vector>

#include "policy/rego/builtins/common.h"

namespace nacre::rego {

// The keys of one path; eval_type_error for what is neither string nor array.
absl::StatusOr<std::vector<Value>> ReadPath(BuiltinContext& context, const Value& path);

}  // namespace nacre::rego
