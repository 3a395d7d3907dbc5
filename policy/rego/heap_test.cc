// After warm-up an evaluation of the gate's kind takes nothing from the global heap.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "policy/rego/engine_testing.h"
#include "policy/rego/gate_case.h"

namespace {

std::atomic<size_t> g_allocations{0};

}  // namespace

void* operator new(size_t size) {
  ++g_allocations;
  void* out = std::malloc(size);
  if (out == nullptr) std::abort();
  return out;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace nacre::rego {
namespace {

TEST(Heap, GateDecisionsLeaveItAlone) {
  auto policy = *Policy::Compile({{"p.rego", GatePolicy(10)}});
  Arena arena;
  std::string text = GateContainer(9, true);
  Value request = *ValueFromJson(arena, text);
  Evaluator evaluator;
  int32_t entry = policy->FindEntry("data.agent_policy.CreateContainerRequest");
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE((*evaluator.Evaluate(*policy, entry, request)).is_true());
  }
  size_t before = g_allocations;
  bool allowed = (*evaluator.Evaluate(*policy, entry, request)).is_true();
  size_t taken = g_allocations - before;
  EXPECT_TRUE(allowed);
  EXPECT_EQ(taken, 0u);
}

TEST(Heap, AChangedRequestIsDenied) {
  auto policy = *Policy::Compile({{"p.rego", GatePolicy(10)}});
  const std::string good = GateContainer(3, true);
  const std::pair<const char*, const char*> changes[] = {
      {"value-3-5", "other"},
      {"/bin/serve", "/bin/sh"},
      {"\"UID\":1000", "\"UID\":0"},
      {"\"ro\"", "\"rw\""},
      {"@sha256:d", "@sha256:0"},
      {"/mnt/2", "/etc"},
      {"\"Readonly\":true", "\"Readonly\":false"},
  };
  Arena arena;
  Evaluator evaluator;
  for (const auto& [from, to] : changes) {
    std::string text = good;
    size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    text.replace(at, std::string_view(from).size(), to);
    auto decision = evaluator.Evaluate(*policy, "data.agent_policy.CreateContainerRequest",
                                       *ValueFromJson(arena, text));
    EXPECT_TRUE(decision.ok() && decision->is_false()) << from;
  }
}

}  // namespace
}  // namespace nacre::rego
