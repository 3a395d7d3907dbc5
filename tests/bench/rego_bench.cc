// The Rego engine: compiling 2,000 lines, and the decision on a container of a ten-container pod by
// the policy that `nacre policy generate` makes of its manifest.
#include <benchmark/benchmark.h>
#include <time.h>

#include <algorithm>
#include <vector>

#include "policy/gate/state.h"
#include "policy/generate/ten_containers.h"
#include "policy/rego/engine.h"
#include "policy/rego/json.h"
#include "tests/bench/rego_groups_bench.h"

namespace nacre::rego {
namespace {

// Rules like those people write, 10 lines each.
std::string ManyRules(int lines) {
  std::string out = "package big\n\nimport data.lists\n";
  for (int i = 0; 10 * i < lines; ++i) {
    StrAppend(&out, "\ndefault allow_", i, " := false\n\nallow_", i, " if {\n",
              "  some item in input.items\n  startswith(item.name, \"prefix-", i, "\")\n",
              "  item.count * 2 + ", i, " > input.limit\n  not denied_", i, "[item.name]\n}\n",
              "denied_", i, " contains name if some name in lists.denied\n");
  }
  return out;
}

void BM_Compile2000Lines(benchmark::State& state) {
  const std::string text = ManyRules(2000);
  for (auto _ : state) {
    auto policy = Policy::Compile({{"big.rego", text}});
    if (!policy.ok()) state.SkipWithError("does not compile");
    benchmark::DoNotOptimize(policy);
  }
}
BENCHMARK(BM_Compile2000Lines)->Unit(benchmark::kMillisecond);

std::shared_ptr<const Policy> GeneratedPolicy() {
  namespace testing = policy::generate_testing;
  return *Policy::Compile({{"policy.rego", *testing::Policy(testing::TenContainers())}});
}

void BM_GateDecision(benchmark::State& state) {
  auto policy = GeneratedPolicy();
  const auto kept = policy::PolicyState::Empty();
  Arena arena;
  const std::string text =
      policy::generate_testing::ContainerInput(static_cast<int>(state.range(0)));
  Value request = *ValueFromJson(arena, text);
  Evaluator evaluator;
  const int32_t entry = policy->FindEntry("data.agent_policy.CreateContainerRequest");
  for (auto _ : state) {
    auto decision = evaluator.Evaluate(*policy, entry, request, kept->data());
    if (!decision.ok() || !decision->is_object()) state.SkipWithError("denied");
  }
  state.counters["steps"] = static_cast<double>(evaluator.machine().steps_used());
}
BENCHMARK(BM_GateDecision)->Arg(0)->Arg(9)->Unit(benchmark::kMicrosecond);

// One of 200 definitions by the input's kind: with rule indexing (1) and without (0).
void BM_OneOf200Definitions(benchmark::State& state) {
  std::string text = "package a\n\ndefault allow := false\n";
  for (int i = 0; i < 200; ++i) {
    StrAppend(&text, "allow if { input.request.kind == \"kind-", i, "\"; input.count > ", i,
              " }\n");
  }
  auto policy = *Policy::Compile({{"a.rego", text}});
  Arena arena;
  Value input = *ValueFromJson(arena, R"({"request": {"kind": "kind-150"}, "count": 151})");
  Evaluator evaluator;
  EvaluateOptions options;
  options.use_index = state.range(0) != 0;
  const int32_t entry = policy->FindEntry("data.a.allow");
  for (auto _ : state) {
    auto decision = evaluator.Evaluate(*policy, entry, input, {}, options);
    if (!decision.ok() || !decision->is_true()) state.SkipWithError("denied");
  }
  state.counters["steps"] = static_cast<double>(evaluator.machine().steps_used());
}
BENCHMARK(BM_OneOf200Definitions)->Arg(0)->Arg(1)->Unit(benchmark::kMicrosecond);

int64_t ThreadNanoseconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

// The same decision, every evaluation timed by itself in CPU time of the thread.
void BM_GateDecisionEach(benchmark::State& state) {
  auto policy = GeneratedPolicy();
  const auto kept = policy::PolicyState::Empty();
  Arena arena;
  const std::string text = policy::generate_testing::ContainerInput(9);
  Value request = *ValueFromJson(arena, text);
  Evaluator evaluator;
  const int32_t entry = policy->FindEntry("data.agent_policy.CreateContainerRequest");
  std::vector<int64_t> times;
  for (auto _ : state) {
    const int64_t begin = ThreadNanoseconds();
    benchmark::DoNotOptimize(evaluator.Evaluate(*policy, entry, request, kept->data()));
    times.push_back(ThreadNanoseconds() - begin);
  }
  std::sort(times.begin(), times.end());
  state.counters["median_us"] = static_cast<double>(times[times.size() / 2]) / 1000;
  state.counters["p99_us"] = static_cast<double>(times[times.size() * 99 / 100]) / 1000;
}
BENCHMARK(BM_GateDecisionEach)->Iterations(20000)->Unit(benchmark::kMicrosecond);

void BM_RequestJson(benchmark::State& state) {
  const std::string text = policy::generate_testing::ContainerInput(9);
  Arena arena;
  for (auto _ : state) {
    arena.Reset();
    benchmark::DoNotOptimize(ValueFromJson(arena, text, true));
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.size()));
}
BENCHMARK(BM_RequestJson)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace nacre::rego

int main(int argc, char** argv) {
  nacre::rego::RegisterGroupBenchmarks();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
}
