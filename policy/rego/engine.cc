#include "policy/rego/engine.h"

#include <chrono>

#include "base/strings.h"
#include "policy/rego/ast.h"
#include "policy/rego/compiler.h"
#include "policy/rego/parser.h"

namespace nacre::rego {

Policy::~Policy() = default;

absl::StatusOr<std::shared_ptr<const Policy>> Policy::Compile(std::span<const ModuleSource> modules,
                                                              const CompileOptions& options,
                                                              std::vector<Error>* errors) {
  std::shared_ptr<Policy> policy(new Policy);
  policy->options_ = options;
  if (policy->options_.builtins == nullptr) policy->options_.builtins = &StandardBuiltins();
  if (modules.size() > UINT16_MAX) return absl::InvalidArgumentError("more than 65535 modules");
  std::vector<const Module*> parsed;
  for (const ModuleSource& source : modules) {
    ParseOptions parse{options.v1, static_cast<uint16_t>(parsed.size())};
    ASSIGN_OR_RETURN(std::unique_ptr<Module> module, ParseModule(source.name, source.text, parse));
    parsed.push_back(module.get());
    policy->modules_.push_back(std::move(module));
  }
  Compiler compiler(policy->program_, policy->arena_, *policy->options_.builtins);
  std::vector<Error> found = compiler.CompileModules(parsed);
  absl::Status status = ToStatus(found);
  if (errors != nullptr) *errors = std::move(found);
  if (!status.ok()) return status;
  if (policy->arena_.failure() != Arena::Failure::kNone) {
    return absl::ResourceExhaustedError("the policy's constants are too large or too deep");
  }
  return policy;
}

absl::StatusOr<std::shared_ptr<const Query>> Policy::Prepare(std::string_view text,
                                                             std::string_view package) const {
  auto query = std::make_shared<Query>();
  ParseOptions parse{true, static_cast<uint16_t>(modules_.size())};
  ASSIGN_OR_RETURN(std::unique_ptr<Module> module, ParseQuery(text, parse));
  for (std::string_view name : StrSplit(package, '.')) {
    module->package.push_back(module->strings.emplace_back(name));
  }
  query->policy = shared_from_this();
  query->program = program_;
  Compiler compiler(query->program, query->arena, *options_.builtins);
  RETURN_IF_ERROR(ToStatus(compiler.CompileQuery(*module, &query->group, &query->names)));
  query->module = std::move(module);
  return query;
}

int32_t Policy::FindEntry(std::string_view path) const {
  std::vector<std::string_view> names = StrSplit(path, '.');
  if (names[0] != "data") return -1;
  int32_t node = 0;
  for (size_t i = 1; i < names.size() && node >= 0; ++i) {
    node = program_.nodes[static_cast<size_t>(node)].Child(names[i]);
  }
  if (node < 0 || program_.nodes[static_cast<size_t>(node)].function) return -1;
  return program_.nodes[static_cast<size_t>(node)].value;
}

absl::StatusOr<Value> Evaluator::Evaluate(const Policy& policy, std::string_view path,
                                          const Value& input, const Value& data,
                                          const EvaluateOptions& options) {
  int32_t entry = policy.FindEntry(path);
  if (entry < 0) return absl::NotFoundError(StrCat("no rule or package at ", path));
  return Evaluate(policy, entry, input, data, options);
}

absl::StatusOr<Value> Evaluator::Evaluate(const Policy& policy, int32_t entry, const Value& input,
                                          const Value& data, const EvaluateOptions& options) {
  return Run(policy.program(), entry, input, data, options);
}

absl::StatusOr<std::vector<std::vector<Binding>>> Evaluator::Evaluate(
    const Query& query, const Value& input, const Value& data, const EvaluateOptions& options) {
  ASSIGN_OR_RETURN(Value rows, Run(query.program, query.group, input, data, options));
  std::vector<std::vector<Binding>> out;
  if (!rows.is_array()) return out;
  for (const Value& row : rows.elements()) {
    std::vector<Binding>& bindings = out.emplace_back();
    for (size_t i = 0; i < query.names.size(); ++i) {
      bindings.push_back({query.names[i], row.elements()[i]});
    }
  }
  return out;
}

absl::StatusOr<Value> Evaluator::Run(const Program& program, int32_t group, const Value& input,
                                     const Value& data, const EvaluateOptions& options) {
  RunOptions run;
  run.budget = options.budget;
  run.strict_builtin_errors = options.strict_builtin_errors;
  run.now_ns = options.now_ns;
  if (run.now_ns == 0) {
    run.now_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(
                     std::chrono::system_clock::now().time_since_epoch())
                     .count();
  }
  run.seed = options.seed;
  run.runtime = options.runtime;
  run.covered = options.covered;
  run.failures = options.failures;
  run.use_index = options.use_index;
  return machine_.Run(program, group, input, data.defined() ? data : Value::EmptyObject(), run);
}

}  // namespace nacre::rego
