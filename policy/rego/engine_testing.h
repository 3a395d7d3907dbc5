// What the engine's tests share: a policy's text in, a value's text or an error out.
#pragma once

#include <string>
#include <string_view>

#include "base/strings.h"
#include "policy/rego/engine.h"
#include "policy/rego/json.h"

namespace nacre::rego {

struct TestRun {
  std::string input = "";  // JSON; "" for none
  std::string data = "{}";
  bool v1 = true;
  bool strict = false;
  Budget budget = {};
};

// The value at `path` as a Rego term, "undefined", or the status' message.
inline std::string EvalText(std::string_view module, std::string_view path,
                            const TestRun& run = {}) {
  auto policy = Policy::Compile({{"p.rego", std::string(module)}}, {.v1 = run.v1});
  if (!policy.ok()) return std::string(Message(policy.status()));
  Arena arena;
  Value input;
  if (!run.input.empty()) input = *ValueFromJson(arena, run.input);
  Evaluator evaluator;
  EvaluateOptions options;
  options.budget = run.budget;
  options.strict_builtin_errors = run.strict;
  auto value = evaluator.Evaluate(**policy, path, input, *ValueFromJson(arena, run.data), options);
  return value.ok() ? ToRego(*value) : std::string(Message(value.status()));
}

// data.t.p of a module in package t.
inline std::string P(std::string_view rules, const TestRun& run = {}) {
  return EvalText(StrCat("package t\n", rules), "data.t.p", run);
}

}  // namespace nacre::rego
