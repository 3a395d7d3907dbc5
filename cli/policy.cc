#include "cli/policy.h"

#include <cstdio>

#include "base/file.h"
#include "base/strings.h"
#include "cli/policy_bench.h"
#include "cli/policy_files.h"
#include "cli/policy_generate.h"
#include "cli/policy_tests.h"
#include "policy/rego/explain.h"
#include "policy/rego/format.h"
#include "policy/rego/json.h"

namespace nacre::cli {
namespace {

constexpr int kUndefinedExitCode = 1;

// The query as an expression whose value is asked for; null when it is a statement.
std::shared_ptr<const rego::Query> AsExpression(const rego::Policy& policy,
                                                const std::string& query) {
  auto prepared = policy.Prepare(StrCat("value := (", query, "\n)"));
  return prepared.ok() ? *prepared : nullptr;
}

// A path gives its value, and so does an expression without variables; anything else, one object of
// variables a solution.
absl::StatusOr<int> Eval(const PolicyOptions& options) {
  PolicyFiles files;
  RETURN_IF_ERROR(LoadPolicyFiles(options, &files));
  rego::Evaluator evaluator;
  const rego::JsonStyle style{.indent = "  "};
  if (files.policy->FindEntry(options.query) >= 0) {
    ASSIGN_OR_RETURN(const rego::Value value,
                     evaluator.Evaluate(*files.policy, options.query, files.input, files.data));
    std::printf("%s\n", value.defined() ? rego::ToJson(value, style).c_str() : "undefined");
    return value.defined() ? 0 : kUndefinedExitCode;
  }
  ASSIGN_OR_RETURN(auto query, files.policy->Prepare(options.query));
  std::shared_ptr<const rego::Query> expression;
  if (query->names.empty()) expression = AsExpression(*files.policy, options.query);
  ASSIGN_OR_RETURN(const auto solutions,
                   evaluator.Evaluate(expression ? *expression : *query, files.input, files.data));
  for (const auto& bindings : solutions) {
    if (expression != nullptr) {
      std::printf("%s\n", rego::ToJson(bindings[0].value, style).c_str());
      continue;
    }
    rego::ObjectBuilder row(files.arena);
    for (const rego::Binding& binding : bindings) row.Set(binding.name, binding.value);
    std::printf("%s\n", rego::ToJson(row.Build(), style).c_str());
  }
  if (solutions.empty()) std::printf("undefined\n");
  return solutions.empty() ? kUndefinedExitCode : 0;
}

// The first error is the verb's own; the others go before it, a line each.
absl::StatusOr<int> Check(const PolicyOptions& options) {
  PolicyFiles files;
  std::vector<rego::Error> errors;
  const absl::Status loaded = LoadPolicyFiles(options, &files, &errors);
  for (size_t i = 1; i < errors.size(); ++i)
    std::fprintf(stderr, "%s\n", rego::ToString(errors[i]).c_str());
  RETURN_IF_ERROR(loaded);
  return 0;
}

// Prints each module in canonical layout, or rewrites the files that differ from it.
absl::StatusOr<int> Format(const PolicyOptions& options) {
  ASSIGN_OR_RETURN(const std::vector<std::string> paths, ModulePaths(options.modules));
  for (const std::string& path : paths) {
    ASSIGN_OR_RETURN(const std::string text, ReadTextFile(path, rego::kMaxModuleBytes));
    const auto formatted = rego::FormatModule(path, text, {.v1 = !options.v0});
    if (!formatted.ok()) {
      const bool other_works = rego::FormatModule(path, text, {.v1 = options.v0}).ok();
      return WithDialectHint(formatted.status(), other_works, options.v0);
    }
    if (!options.write) {
      std::fputs(formatted->c_str(), stdout);
    } else if (*formatted != text) {
      RETURN_IF_ERROR(WriteFile(path, AsBytes(*formatted)));
    }
  }
  return 0;
}

absl::StatusOr<int> Explain(const PolicyOptions& options) {
  PolicyFiles files;
  RETURN_IF_ERROR(LoadPolicyFiles(options, &files));
  rego::Evaluator evaluator;
  ASSIGN_OR_RETURN(const rego::Explanation explanation,
                   rego::Explain(evaluator, *files.policy, options.query, files.input, files.data));
  std::fputs(explanation.text.c_str(), stdout);
  const bool holds = explanation.value.defined() && !explanation.value.is_false();
  return holds ? 0 : kUndefinedExitCode;
}

template <typename Run>
CLI::App* AddSubverb(CLI::App* policy, const char* name, const char* help, VerbResult* result,
                     const std::shared_ptr<PolicyOptions>& options, bool documents, Run run) {
  CLI::App* verb = policy->add_subcommand(name, help);
  AddPolicyOptions(verb, options.get(), documents);
  verb->callback([options, result, run] {
    absl::StatusOr<int> code = run(*options);
    result->status = code.status();
    if (code.ok()) result->exit_code = *code;
  });
  return verb;
}

}  // namespace

void AddPolicyVerb(CLI::App& app, VerbResult* result) {
  CLI::App* policy =
      app.add_subcommand("policy", "Evaluate, check, explain and test Rego policies");
  policy->require_subcommand(1);
  auto options = std::make_shared<PolicyOptions>();
  auto query = [&](CLI::App* verb, const char* help) {
    verb->add_option("--query", options->query, help)->required();
  };
  query(AddSubverb(policy, "eval", "Print what a rule or a query gives; exit code 1 for nothing",
                   result, options, true, Eval),
        "data.package.rule, or any Rego query");
  AddSubverb(policy, "check", "Say whether modules compile", result, options, false, Check);
  query(AddSubverb(policy, "explain",
                   "Say why a rule is undefined or false: the expressions that failed, with values",
                   result, options, true, Explain),
        "data.package.rule");
  AddSubverb(policy, "test", "Run the rules named test_...; exit code 1 when one fails", result,
             options, true, RunPolicyTests)
      ->add_option("--run", options->run, "Only tests whose name holds this text");
  AddSubverb(policy, "fmt", "Print modules in canonical layout", result, options, false, Format)
      ->add_flag("--write", options->write, "Rewrite the files instead");
  CLI::App* bench = AddSubverb(policy, "bench", "Time the evaluation of a rule or query", result,
                               options, true, RunPolicyBench);
  query(bench, "data.package.rule, or any Rego query");
  bench->add_option("--count", options->count, "Evaluations")->check(CLI::Range(1, 100'000'000));
  AddPolicyGenerateVerbs(policy, result);
}

}  // namespace nacre::cli
