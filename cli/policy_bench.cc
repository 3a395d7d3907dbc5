#include "cli/policy_bench.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace nacre::cli {
namespace {

using Clock = std::chrono::steady_clock;

double Microseconds(Clock::duration duration) {
  return std::chrono::duration<double, std::micro>(duration).count();
}

}  // namespace

absl::StatusOr<int> RunPolicyBench(const PolicyOptions& options) {
  PolicyFiles files;
  const Clock::time_point start = Clock::now();
  RETURN_IF_ERROR(LoadPolicyFiles(options, &files));
  const double load = Microseconds(Clock::now() - start);
  const int32_t entry = files.policy->FindEntry(options.query);
  std::shared_ptr<const rego::Query> query;
  if (entry < 0) {
    ASSIGN_OR_RETURN(query, files.policy->Prepare(options.query));
  }
  rego::Evaluator evaluator;
  bool defined = false;
  auto once = [&]() -> absl::Status {
    if (query == nullptr) {
      auto value = evaluator.Evaluate(*files.policy, entry, files.input, files.data);
      defined = value.ok() && value->defined();
      return value.status();
    }
    auto solutions = evaluator.Evaluate(*query, files.input, files.data);
    defined = solutions.ok() && !solutions->empty();
    return solutions.status();
  };
  for (int i = 0; i < options.count / 10 + 1; ++i) RETURN_IF_ERROR(once());
  std::vector<double> times;
  times.reserve(static_cast<size_t>(options.count));
  for (int i = 0; i < options.count; ++i) {
    const Clock::time_point begin = Clock::now();
    RETURN_IF_ERROR(once());
    times.push_back(Microseconds(Clock::now() - begin));
  }
  std::sort(times.begin(), times.end());
  std::printf("load and compile: %.0f us\n", load);
  std::printf("evaluations: %d, median %.2f us, p99 %.2f us, worst %.2f us\n", options.count,
              times[times.size() / 2], times[times.size() * 99 / 100], times.back());
  if (!defined) std::printf("note: the query is undefined with this input\n");
  std::printf("steps: %llu, memory: %zu bytes\n",
              static_cast<unsigned long long>(evaluator.machine().steps_used()),
              evaluator.machine().memory_used());
  return 0;
}

}  // namespace nacre::cli
