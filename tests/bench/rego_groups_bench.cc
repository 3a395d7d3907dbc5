// The compliance cases of ../shared/data/rego (or NACRE_SHARED_DATA/rego): the six groups that take
// the engine longest, found by measuring all. One iteration evaluates each of a group's cases once;
// cases that end in an error are left out.
//
// With NACRE_BENCH_CASES=FOLDER the cases are also written there, for other engines and for
//   nacre policy bench FOLDER/GROUP/N/*.rego --input FOLDER/GROUP/N/input.json
//     --data FOLDER/GROUP/N/data.json --query "$(cat FOLDER/GROUP/N/query)" --count 1000
#include "tests/bench/rego_groups_bench.h"

#include <benchmark/benchmark.h>
#include <time.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "base/file.h"
#include "base/strings.h"
#include "policy/rego/engine.h"
#include "policy/rego/json.h"

namespace nacre::rego {
namespace {

constexpr size_t kGroups = 6;

struct Case {
  std::vector<ModuleSource> modules;
  std::string query_text;
  std::shared_ptr<const Query> query;
  Value input, data;
};

struct CaseGroup {
  std::string name;
  Arena arena;
  std::vector<Case> cases;
  double microseconds = 0;
};

std::string DataFolder() {
  const char* shared = std::getenv("NACRE_SHARED_DATA");
  return shared != nullptr ? StrCat(shared, "/rego") : NACRE_SOURCE_DIR "/../shared/data/rego";
}

absl::StatusOr<Case> Prepared(const Value& one, Evaluator& evaluator) {
  Case out;
  if (one.Get("modules").is_array()) {
    for (const Value& module : one.Get("modules").elements()) {
      out.modules.push_back({StrCat(out.modules.size(), ".rego"), std::string(module.string())});
    }
  }
  if (one.Get("input_term").defined()) return absl::UnimplementedError("input is no JSON");
  out.query_text = one.Get("query").string();
  ASSIGN_OR_RETURN(auto policy, Policy::Compile(out.modules));
  ASSIGN_OR_RETURN(out.query, policy->Prepare(out.query_text));
  out.input = one.Get("input");
  out.data = one.Get("data");
  RETURN_IF_ERROR(evaluator.Evaluate(*out.query, out.input, out.data).status());
  return out;
}

void EvaluateAll(const CaseGroup& group, Evaluator& evaluator) {
  for (const Case& one : group.cases) {
    benchmark::DoNotOptimize(evaluator.Evaluate(*one.query, one.input, one.data));
  }
}

double ThreadMicroseconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

std::shared_ptr<CaseGroup> ReadGroup(const std::string& file) {
  auto group = std::make_shared<CaseGroup>();
  group->name = std::filesystem::path(file).stem();
  auto text = ReadTextFile(file, 64 << 20);
  if (!text.ok()) return group;
  auto document = ValueFromJson(group->arena, *text);
  if (!document.ok()) return group;
  Evaluator evaluator;
  for (const Value& one : document->Get("cases").elements()) {
    auto prepared = Prepared(one, evaluator);
    if (prepared.ok()) group->cases.push_back(*std::move(prepared));
  }
  for (int i = 0; i < 5; ++i) {  // the best of five
    const double begin = ThreadMicroseconds();
    EvaluateAll(*group, evaluator);
    const double took = ThreadMicroseconds() - begin;
    group->microseconds = i == 0 ? took : std::min(group->microseconds, took);
  }
  return group;
}

void WriteCases(const CaseGroup& group, const std::string& folder) {
  for (size_t i = 0; i < group.cases.size(); ++i) {
    const Case& one = group.cases[i];
    const std::string at = StrCat(folder, "/", group.name, "/", i);
    std::filesystem::create_directories(at);
    auto write = [&](const std::string& name, const std::string& text) {
      if (!WriteFile(StrCat(at, "/", name), AsBytes(text)).ok()) std::abort();
    };
    for (const ModuleSource& module : one.modules) write(module.name, module.text);
    write("query", one.query_text);
    write("input.json", one.input.defined() ? ToJson(one.input) : "null");
    write("data.json", one.data.defined() ? ToJson(one.data) : "{}");
  }
}

}  // namespace

void RegisterGroupBenchmarks() {
  std::vector<std::shared_ptr<CaseGroup>> groups;
  std::error_code missing;
  for (const auto& entry : std::filesystem::directory_iterator(DataFolder(), missing)) {
    if (entry.path().extension() == ".json") groups.push_back(ReadGroup(entry.path()));
  }
  std::sort(groups.begin(), groups.end(),
            [](const auto& a, const auto& b) { return a->microseconds > b->microseconds; });
  groups.resize(std::min(groups.size(), kGroups));
  const char* folder = std::getenv("NACRE_BENCH_CASES");
  for (const std::shared_ptr<CaseGroup>& group : groups) {
    if (folder != nullptr) WriteCases(*group, folder);
    benchmark::RegisterBenchmark(StrCat("BM_ComplianceGroup/", group->name).c_str(),
                                 [group](benchmark::State& state) {
                                   Evaluator evaluator;
                                   for (auto _ : state) EvaluateAll(*group, evaluator);
                                   state.counters["cases"] =
                                       static_cast<double>(group->cases.size());
                                 })
        ->Unit(benchmark::kMicrosecond);
  }
}

}  // namespace nacre::rego
