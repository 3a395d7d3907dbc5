// For tests: one builtin called by name, with arguments and result as text.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "policy/rego/builtin.h"

namespace nacre::rego {

// A small evaluation: 64 MiB of values, `steps` units of work, a clock that stands still at
// 2022-12-02T18:40:53.141828752Z and bytes that count up for random ones.
class TestContext : public BuiltinContext {
 public:
  explicit TestContext(uint64_t steps = 10'000'000) : arena_(64 << 20), steps_(steps) {}
  Arena& arena() override { return arena_; }
  absl::Status Step(uint64_t steps) override;
  int64_t now_ns() override { return 1670006453141828752; }
  void Random(std::span<uint8_t> out) override;
  Value Recall(std::string_view kind, const Value& key) override;
  void Remember(std::string_view kind, const Value& key, const Value& value) override;
  std::shared_ptr<const void> Kept(std::string_view kind, std::string_view key) override;
  void Keep(std::string_view kind, std::string_view key,
            std::shared_ptr<const void> thing) override;
  Value runtime() override { return Value::EmptyObject(); }

 private:
  Arena arena_;
  uint64_t steps_;
  uint8_t next_random_ = 0;
  std::map<std::string, Value> remembered_;
  std::map<std::string, std::shared_ptr<const void>> kept_;
};

const BuiltinRegistry& TestRegistry();  // all of this folder

// Call("array.slice", "[[1, 2, 3], 1, 2]"): the arguments as one JSON array, in which {"set":
// [...]} stands for a set. The result as a Rego term, "undefined", "type error: ...", "error: ..."
// or "ended: ..." (the evaluation).
std::string Call(std::string_view name, std::string_view json_arguments);
std::string Call(BuiltinContext& context, std::string_view name, std::string_view json_arguments);
// The same with one text as the only argument.
std::string CallText(std::string_view name, std::string_view argument);

}  // namespace nacre::rego
