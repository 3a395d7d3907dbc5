// The Rego engine: modules are compiled once into an immutable Policy that any number of threads
// share; each thread evaluates with an Evaluator of its own, which keeps its memory between uses.
//
//   ASSIGN_OR_RETURN(auto policy, Policy::Compile({{"policy.rego", text}}));
//   ASSIGN_OR_RETURN(Value input, ValueFromJson(arena, json));
//   Evaluator evaluator;
//   ASSIGN_OR_RETURN(Value decision,
//                    evaluator.Evaluate(*policy, "data.agent_policy.ExecProcessRequest", input));
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "policy/rego/builtin.h"
#include "policy/rego/error.h"
#include "policy/rego/machine.h"
#include "policy/rego/value.h"

namespace nacre::rego {

struct Module;

struct ModuleSource {
  std::string name;  // for messages
  std::string text;
};

struct CompileOptions {
  // Rego v1. With false: v0, where a module asks for new keywords by importing them.
  bool v1 = true;
  // Functions that policies may call; the standard ones if null. Must outlive the policy. To add
  // host functions, copy StandardBuiltins() and register them in the copy.
  const BuiltinRegistry* builtins = nullptr;
};

class Policy;

// A query compiled against a policy, which it keeps.
struct Query {
  std::shared_ptr<const Policy> policy;
  std::unique_ptr<const Module> module;
  Program program;
  Arena arena;
  int32_t group = 0;
  std::vector<std::string> names;  // of its variables
};

class Policy : public std::enable_shared_from_this<Policy> {
 public:
  // Errors carry OPA's codes (error.h): rego_parse_error, rego_compile_error, rego_type_error,
  // rego_unsafe_var_error, rego_recursion_error. All errors of the stage that failed are put into
  // `errors` if it is given.
  static absl::StatusOr<std::shared_ptr<const Policy>> Compile(
      std::span<const ModuleSource> modules, const CompileOptions& options = {},
      std::vector<Error>* errors = nullptr);
  static absl::StatusOr<std::shared_ptr<const Policy>> Compile(
      std::initializer_list<ModuleSource> modules, const CompileOptions& options = {}) {
    return Compile(std::span(modules.begin(), modules.size()), options);
  }

  // "x := data.a.p; x > 1". Names are looked up as in a module of `package` ("data.a"), if given.
  absl::StatusOr<std::shared_ptr<const Query>> Prepare(std::string_view query,
                                                       std::string_view package = "data") const;

  // The group whose value is at a path ("data.a.p"); -1 when there is no rule or package.
  int32_t FindEntry(std::string_view path) const;

  const Program& program() const { return program_; }
  const std::vector<std::unique_ptr<Module>>& modules() const { return modules_; }

  ~Policy();

 private:
  Policy() = default;

  CompileOptions options_;
  std::vector<std::unique_ptr<Module>> modules_;
  Arena arena_{kMaxConstantBytes};
  Program program_;
};

struct EvaluateOptions {
  Budget budget = {};
  bool strict_builtin_errors = false;
  int64_t now_ns = 0;  // 0: the system's clock
  uint64_t seed = 0;
  Value runtime;
  std::vector<bool>* covered = nullptr;
  FailureLog* failures = nullptr;
  bool use_index = true;  // rule indexing (rule_index.h); off only to compare
};

struct Binding {
  std::string_view name;
  Value value;
};

class Evaluator {
 public:
  // Values given back live until the evaluator is used again. `input` may be undefined (Value());
  // `data` is an object, or undefined for none.

  // The value of a rule or package; undefined when it has none. kNotFound when there is no such
  // place. Errors: eval_conflict_error, eval_type_error and eval_builtin_error (when strict),
  // eval_cancel_error (a budget is spent), with the place in the policy.
  absl::StatusOr<Value> Evaluate(const Policy& policy, std::string_view path, const Value& input,
                                 const Value& data = {}, const EvaluateOptions& options = {});
  absl::StatusOr<Value> Evaluate(const Policy& policy, int32_t entry, const Value& input,
                                 const Value& data = {}, const EvaluateOptions& options = {});
  // One list of bindings a solution.
  absl::StatusOr<std::vector<std::vector<Binding>>> Evaluate(const Query& query, const Value& input,
                                                             const Value& data = {},
                                                             const EvaluateOptions& options = {});
  const Machine& machine() const { return machine_; }

 private:
  absl::StatusOr<Value> Run(const Program& program, int32_t group, const Value& input,
                            const Value& data, const EvaluateOptions& options);

  Machine machine_;
};

}  // namespace nacre::rego
