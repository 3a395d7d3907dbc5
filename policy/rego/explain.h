// Why a decision came out as it did: for a rule that is undefined or false, each definition with
// the expression that failed last and furthest in it, and the values it saw; then the same for the
// rules that expression asked.
#pragma once

#include <string>

#include "policy/rego/engine.h"

namespace nacre::rego {

struct Explanation {
  Value value;       // what the rule gave
  std::string text;  // lines for people; each definition begins with "file:line:column: "
};

// Evaluates the rule at `path` and explains. Errors as Evaluator::Evaluate.
absl::StatusOr<Explanation> Explain(Evaluator& evaluator, const Policy& policy,
                                    std::string_view path, const Value& input, const Value& data,
                                    EvaluateOptions options = {});

}  // namespace nacre::rego
