// After warm-up a decision of a generated policy takes nothing from the global heap.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "policy/gate/state.h"
#include "policy/generate/ten_containers.h"
#include "policy/rego/engine.h"
#include "policy/rego/explain.h"
#include "policy/rego/json.h"

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

namespace nacre::policy {
namespace {

TEST(GeneratedHeap, DecisionsLeaveItAlone) {
  const auto text = generate_testing::Policy(generate_testing::TenContainers());
  ASSERT_TRUE(text.ok()) << text.status();
  auto policy = *rego::Policy::Compile({{"policy.rego", *text}});
  rego::Arena arena;
  const std::string json = generate_testing::ContainerInput(9);
  const rego::Value input = *rego::ValueFromJson(arena, json);
  const auto state = PolicyState::Empty();
  rego::Evaluator evaluator;
  const int32_t entry = policy->FindEntry("data.agent_policy.CreateContainerRequest");
  for (int i = 0; i < 3; ++i) {
    auto decision = evaluator.Evaluate(*policy, entry, input, state->data());
    ASSERT_TRUE(decision.ok()) << decision.status();
    ASSERT_TRUE(decision->is_object())
        << rego::Explain(evaluator, *policy, "data.agent_policy.CreateContainerRequest", input,
                         state->data())
               ->text;
  }
  const size_t before = g_allocations;
  (void)evaluator.Evaluate(*policy, entry, input, state->data());
  EXPECT_EQ(g_allocations - before, 0u);
}

}  // namespace
}  // namespace nacre::policy
