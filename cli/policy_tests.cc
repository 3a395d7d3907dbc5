#include "cli/policy_tests.h"

#include <cstdio>
#include <map>

#include "base/strings.h"
#include "policy/rego/explain.h"

namespace nacre::cli {
namespace {

bool IsTest(std::string_view name) {
  const size_t dot = name.rfind('.');
  return name.substr(dot + 1).starts_with("test_");
}

// Lines with instructions, a file at a time, and whether one of them ran. Test rules count as well.
void PrintCoverage(const rego::Program& program, const std::vector<bool>& covered) {
  std::map<std::pair<uint16_t, uint32_t>, bool> lines;
  for (size_t i = 0; i < program.locations.size(); ++i) {
    const rego::Location& location = program.locations[i];
    if (location.line == 0) continue;
    bool& ran = lines[{location.module, location.line}];
    ran = ran || covered[i];
  }
  size_t ran = 0;
  std::map<uint16_t, std::string> missed;
  for (const auto& [place, was_run] : lines) {
    ran += was_run;
    if (!was_run) StrAppend(&missed[place.first], " ", place.second);
  }
  for (const auto& [module, text] : missed) {
    std::printf("not run in %s:%s\n", program.files[module].c_str(), text.c_str());
  }
  const size_t share = lines.empty() ? 100 : 100 * ran / lines.size();
  std::printf("coverage: %zu of %zu lines (%zu %%)\n", ran, lines.size(), share);
}

}  // namespace

absl::StatusOr<int> RunPolicyTests(const PolicyOptions& options) {
  PolicyFiles files;
  RETURN_IF_ERROR(LoadPolicyFiles(options, &files));
  const rego::Program& program = files.policy->program();
  std::vector<bool> covered(program.code.size(), false);
  rego::Evaluator evaluator;
  size_t passed = 0, total = 0;
  for (const rego::Node& node : program.nodes) {
    if (node.rule < 0 || node.function) continue;
    const std::string& name = program.groups[static_cast<size_t>(node.rule)].name;
    if (!IsTest(name) || name.find(options.run) == std::string::npos) continue;
    ++total;
    rego::EvaluateOptions evaluate;
    evaluate.covered = &covered;
    const auto explanation =
        rego::Explain(evaluator, *files.policy, name, files.input, files.data, evaluate);
    if (!explanation.ok()) {
      std::printf("ERROR %s: %s\n", name.c_str(),
                  std::string(Message(explanation.status())).c_str());
    } else if (!explanation->value.defined() || explanation->value.is_false()) {
      std::printf("FAIL  %s\n%s", name.c_str(), explanation->text.c_str());
    } else {
      std::printf("PASS  %s\n", name.c_str());
      ++passed;
    }
  }
  if (total == 0) {
    return absl::NotFoundError(
        StrCat("no rule whose name begins with test_",
               options.run.empty() ? "" : StrCat(" and has '", options.run, "' in it")));
  }
  PrintCoverage(program, covered);
  std::printf("%zu of %zu tests passed\n", passed, total);
  return passed == total ? 0 : 1;
}

}  // namespace nacre::cli
